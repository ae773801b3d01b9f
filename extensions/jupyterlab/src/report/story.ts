import { TranslationBundle } from '@jupyterlab/translation';

import { Tone } from '../charts/mark';
import { Figures } from '../figures';
import { IAlert, IDecision, IPerformance, IWindowReport } from '../records';
import { IContent } from './parse';

/** The whole in a few sentences, before any figure. */
export interface IStory {
  tone: Tone;
  headline: string;
  /** question -> answers */
  answers: { question: string; sentences: string[] }[];
}

export function tell(
  content: IContent,
  told: IWindowReport,
  trans: TranslationBundle,
  figures: Figures
): IStory {
  const judged = told.performance.find(one => one.version === told.reference) ?? told.performance[0] ?? null;
  const [tone, headline] = headlineOf(told, judged, trans);
  const acts = whoActs(content.alerts, trans);
  const done = whatWasDone(content.decisions, told, trans);
  return {
    tone,
    headline,
    answers: [
      { question: trans.__('What happened'), sentences: happened(told, trans, figures) },
      { question: trans.__('Does it matter?'), sentences: matters(judged, trans, figures) },
      ...(acts.length ? [{ question: trans.__('Who acts?'), sentences: acts }] : []),
      ...(done.length ? [{ question: trans.__('What was done?'), sentences: done }] : [])
    ]
  };
}

/** What the window was held against, in words. */
export function heldAgainst(told: IWindowReport, trans: TranslationBundle): string {
  return told.baseline?.words || trans.__('the training data of %1', told.reference);
}

function headlineOf(
  told: IWindowReport,
  judged: IPerformance | null,
  trans: TranslationBundle
): [Tone, string] {
  const bad = judged && badNews(judged, trans);
  if (bad) {
    return ['bad', bad];
  }
  if (told.rows === 0 && told.verdict === 'drift') {
    return ['changed', trans.__('No traffic came.')];
  }
  switch (told.verdict) {
    case 'drift':
      return judged && judged.fall !== null
        ? ['changed', trans.__('The traffic has changed; the model still answers as well as is asked of it.')]
        : ['changed', trans.__('The traffic has changed; what that does to the answers is not known yet.')];
    case 'no drift':
      return ['fine', trans.__('Nothing that counts has changed.')];
    default:
      return ['unknown', trans.__('There is too little data to say whether anything changed.')];
  }
}

function badNews(judged: IPerformance, trans: TranslationBundle): string | null {
  if (judged.fell) {
    return trans.__('The model answers worse than it did at release.');
  }
  if (judged.against_former && judged.against_former.low > 0) {
    return trans.__('The version before this one would answer better.');
  }
  if (judged.concept?.drifted) {
    return trans.__('What the model learned no longer holds as it did.');
  }
  return judged.estimated_fell ? trans.__('The model probably answers worse than it did at release.') : null;
}

function happened(told: IWindowReport, trans: TranslationBundle, figures: Figures): string[] {
  const columns = new Set(told.readings.map(reading => reading.column));
  const window = figures.window(told.window);
  const sentences: string[] = [];
  if (told.rows === 0) {
    sentences.push(trans.__('%1: no row came.', window));
  } else if (told.verdict === 'drift') {
    sentences.push(
      trans.__(
        '%1: %2 of %3 columns differ from %4: %5.',
        window,
        figures.count(told.drifted.length),
        figures.count(columns.size),
        heldAgainst(told, trans),
        figures.listed(told.drifted)
      )
    );
  } else if (told.verdict === 'no drift') {
    sentences.push(
      trans.__('%1: nothing that counts has changed in %2 columns.', window, figures.count(columns.size))
    );
  } else {
    sentences.push(trans.__('%1: %2 rows are too few for a verdict.', window, figures.count(told.rows)));
  }
  const parts = told.segments.filter(part => part.verdict === 'drift');
  if (parts.length && told.verdict !== 'drift') {
    const names = parts.map(part => `${part.segment.column} ${part.segment.value ?? trans.__('other')}`);
    sentences.push(trans.__('In parts of the traffic something has changed: %1.', figures.listed(names)));
  }
  if (told.open) {
    sentences.push(trans.__('The window is still open: more rows may come.'));
  }
  return sentences;
}

function matters(judged: IPerformance | null, trans: TranslationBundle, figures: Figures): string[] {
  if (!judged) {
    return [trans.__('Not known: no version’s answers could be held against labels.')];
  }
  const release = judged.reference;
  const metric = release?.metric ?? Object.keys(judged.metrics)[0] ?? Object.keys(judged.estimated)[0];
  const name = metric ? figures.metricName(metric) : '';
  const sentences: string[] = [];
  const now = metric ? judged.metrics[metric] : undefined;
  if (now) {
    const value = `${figures.metric(now)} (${figures.metricEnds(now)})`;
    sentences.push(trans.__('%1 is %2 on %3 labelled rows.', name, value, figures.count(now.n)));
  }
  const estimated = metric ? judged.estimated[metric] : undefined;
  if (!now && estimated) {
    const value = `${figures.metric(estimated)} (${figures.metricEnds(estimated)})`;
    sentences.push(trans.__('Labels are too few yet; by the estimate %1 will be %2.', name, value));
    sentences.push(
      judged.estimate_trusted ? '' : trans.__('The estimate cannot be trusted: %1.', judged.estimate_words)
    );
  }
  if (release) {
    sentences.push(
      trans.__('At release it was %1 (%2).', figures.metric(release), figures.metricEnds(release))
    );
  }
  sentences.push(judged.explanation && judged.fell ? sentence(judged.explanation.words) : '');
  sentences.push(judged.concept?.drifted ? sentence(judged.concept.words) : '');
  sentences.push(judged.label_bias ? sentence(judged.label_words) : '');
  const known = sentences.filter(Boolean);
  return known.length
    ? known
    : [
        trans.__(
          'Not known yet: %1 of %2 rows have a label.',
          figures.count(judged.labelled),
          figures.count(judged.rows)
        )
      ];
}

function whoActs(alerts: readonly IAlert[], trans: TranslationBundle): string[] {
  const owners = new Map<string, number>();
  alerts.forEach(alert => owners.set(alert.owner, (owners.get(alert.owner) ?? 0) + 1));
  return [...owners].map(([owner, count]) =>
    trans._n('%2, for one open alert.', '%2, for %1 open alerts.', count, owner)
  );
}

function whatWasDone(
  decisions: readonly IDecision[],
  told: IWindowReport,
  trans: TranslationBundle
): string[] {
  const about = decisions.filter(
    one => one.window.start === told.window.start && one.window.end === told.window.end
  );
  return about.map(one => {
    const acts: { [action: string]: string } = {
      retrain: trans.__('Retrain'),
      rollback: trans.__('Roll back'),
      promote: trans.__('Promote'),
      alert: trans.__('Alert'),
      nothing: trans.__('Nothing')
    };
    const act = acts[one.action === 'ask' ? (one.asks_for ?? 'nothing') : one.action];
    const waits =
      one.action === 'ask' && one.answer === null ? ` ${trans.__('It waits for a person’s approval.')}` : '';
    return `${act}: ${sentence(one.reason)}${one.outcome ? ` ${sentence(one.outcome)}` : ''}${waits}`;
  });
}

/** Words as a sentence: a capital at its beginning, a full stop at its end. */
export function sentence(words: string): string {
  const trimmed = words.trim();
  const begun = trimmed.charAt(0).toLocaleUpperCase() + trimmed.slice(1);
  return !begun || /[.!?]$/.test(begun) ? begun : `${begun}.`;
}
