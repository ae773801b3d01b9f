import { ILabProduction, IProductionAct } from '../../records';
import { bare, offer } from '../acts';
import { moved } from '../places';

function act(more: Partial<IProductionAct>): IProductionAct {
  const none = {
    why_not: '',
    version_from: 'f:a',
    version_to: null,
    decision: null,
    title: '',
    consequences: []
  };
  return { act: 'promote', possible: true, ...none, ...more };
}

function production(acts: IProductionAct[], may_act = true): ILabProduction {
  return { acts, may_act } as unknown as ILabProduction;
}

describe('offer', () => {
  const back = ['f:b', 'f:c'].map(version_to => act({ act: 'rollback', version_to }));
  const questions = ['q1', 'q2'].map(decision => act({ act: 'approve', decision }));

  it('is all that was meant, or the one that was named', () => {
    const all = production([...back, ...questions]);
    expect(offer(all, { act: 'rollback' }).possible).toEqual(back);
    expect(offer(all, { act: 'rollback', version: 'f:c' }).possible).toEqual([back[1]]);
    expect(offer(all, { act: 'approve', decision: 'q2' }).possible).toEqual([questions[1]]);
    expect(offer(all, { act: 'reject' })).toEqual({ possible: [], whyNot: [] });
  });

  it('says why nothing of it is possible', () => {
    const none = act({ possible: false, why_not: 'There is no challenger.' });
    expect(offer(production([none, none]), { act: 'promote' })).toEqual({
      possible: [],
      whyNot: ['There is no challenger.']
    });
  });

  it('is nothing to whoever may not act', () => {
    expect(offer(production(back, false), { act: 'rollback' }).possible).toEqual([]);
  });
});

describe('moved', () => {
  it('goes along the strip and stays on it', () => {
    const keys = ['ArrowLeft', 'ArrowRight', 'Home', 'End', 'Enter', 'a'];
    expect(keys.map(key => moved(key, 1, 3))).toEqual([0, 2, 0, 2, null, null]);
    expect([moved('ArrowLeft', 0, 3), moved('ArrowRight', 2, 3)]).toEqual([null, null]);
  });
});

describe('bare', () => {
  it('leaves the project out', () => {
    expect([bare('late-flights:2026-3fa2'), bare('3fa2')]).toEqual(['2026-3fa2', '3fa2']);
  });
});
