import { IMetricReading, IPerformance, IWindowReport } from '../../records';
import { wordsOf } from '../../words';
import { contentOf } from '../parse';
import { sentence, tell } from '../story';
import { found, reading } from './examples';

const { trans, figures } = wordsOf(null);
const auc = (value: number): IMetricReading => ({
  metric: 'roc_auc',
  value,
  low: value - 0.01,
  high: value + 0.01,
  n: 900
});

function performance(more: Partial<IPerformance>): IPerformance {
  const none = { concept: null, explanation: null, against_former: null, label_bias: false, label_words: '' };
  const judged = {
    metrics: { roc_auc: auc(0.7) },
    estimated: {},
    reference: auc(0.72),
    fall: 0.02,
    fell: false
  };
  return {
    version: 'late-flights:a',
    rows: 1000,
    labelled: 900,
    ...none,
    ...judged,
    ...more
  } as IPerformance;
}

function told(more: Partial<IWindowReport>, drifts = true) {
  const window = found(
    6,
    [reading('temp', drifts ? {} : { verdict: 'no drift' }), reading('dewp', { verdict: 'no drift' })],
    more
  );
  return tell(contentOf(window, [], trans), window, trans, figures);
}

describe('tell', () => {
  it('says the worst first', () => {
    expect(told({ performance: [performance({ fell: true })] }, false)).toMatchObject({
      tone: 'bad',
      headline: 'The model answers worse than it did at release.'
    });
    expect(told({ performance: [performance({})] })).toMatchObject({
      tone: 'changed',
      headline: 'The traffic has changed; the model still answers as well as is asked of it.'
    });
    expect(told({})).toMatchObject({ headline: expect.stringMatching(/not known yet/) });
    expect(told({}, false)).toMatchObject({ tone: 'fine', headline: 'Nothing that counts has changed.' });
    expect(told({ verdict: 'too little data' })).toMatchObject({ tone: 'unknown' });
  });

  it('says of a window without rows just that', () => {
    const silent = told({ rows: 0 });
    expect(silent).toMatchObject({ tone: 'changed', headline: 'No traffic came.' });
    expect(silent.answers[0].sentences).toEqual([expect.stringMatching(/: no row came\.$/)]);
  });

  it('names what drifted, and what the metric is and was', () => {
    const { answers } = told({ performance: [performance({})], open: true });
    expect(answers.map(answer => answer.sentences)).toEqual([
      [
        'June 2013: 1 of 2 columns differ from the training data of late-flights:a: temp.',
        'The window is still open: more rows may come.'
      ],
      ['ROC AUC is 0.700 (0.690 to 0.710) on 900 labelled rows.', 'At release it was 0.720 (0.710 to 0.730).']
    ]);
  });

  it('gives the estimate where labels are too few, and says when it cannot be trusted', () => {
    const more = {
      metrics: {},
      estimated: { roc_auc: auc(0.65) },
      estimate_trusted: false,
      estimate_words: 'new values'
    };
    const sentences = told({ performance: [performance({ ...more, reference: null, fall: null })] })
      .answers[1].sentences;
    expect(sentences).toEqual([
      'Labels are too few yet; by the estimate ROC AUC will be 0.650 (0.640 to 0.660).',
      'The estimate cannot be trusted: new values.'
    ]);
  });
});

describe('sentence', () => {
  it('begins with a capital and ends with a stop, once', () => {
    expect(['temp is higher', ' Done! ', ''].map(sentence)).toEqual(['Temp is higher.', 'Done!', '']);
  });
});
