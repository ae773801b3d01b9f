import { TranslationBundle } from '@jupyterlab/translation';

import {
  IAlert,
  IAssociationChange,
  IBar,
  IBaseline,
  IComparison,
  IConceptDrift,
  IDecision,
  IExplanation,
  ILabReport,
  IMetricReading,
  IPastReading,
  IPastWindow,
  IPerformance,
  IProfileColumn,
  IReading,
  ISegmentReport,
  ISeparation,
  IWindow,
  IWindowReport
} from '../records';
import { flag, isObject, list, maybe, number, record, Shape, table, text, Unreadable, word } from './shapes';

/** What a report shows, wherever it comes from. */
export interface IContent {
  project: string;
  made: string;
  /** the window that is told; null when none has been judged */
  told: IWindowReport | null;
  /** oldest first, the told one among them */
  windows: IPastWindow[];
  /** those that are open */
  alerts: IAlert[];
  decisions: IDecision[];
}

const FORMAT = 'roadworthy.report/1';
const verdict = word('drift', 'no drift', 'too little data');
const severity = word('critical', 'warning', 'info');
const acts = word('retrain', 'promote', 'rollback');

const window = record<IWindow>({ start: text, end: text });
const end: Shape<number | string | null> = given =>
  typeof given === 'number' || typeof given === 'string' ? given : null;
/** null in a report of before bars had it */
const meant: Shape<IBar['stands_for']> = given => (given === 'rest' || given === 'empty' ? given : null);
const range = { label: text, stands_for: meant, low: end, high: end };
const bar = record<IBar>({ ...range, reference: number, window: number });
const metric = record<IMetricReading>({ metric: text, value: number, low: number, high: number, n: number });

const reading = record<IReading>({
  column: text,
  kind: text as Shape<IReading['kind']>,
  measure: text,
  statistic: number,
  effect: number,
  effect_low: maybe(number),
  effect_high: maybe(number),
  threshold: number,
  p_value: number,
  adjusted_p: number,
  level: number,
  n_reference: number,
  n_window: number,
  effective_n_reference: maybe(number),
  effective_n: maybe(number),
  detectable: maybe(number),
  ranked_among: number,
  importance: maybe(number),
  verdict,
  words: text,
  bars: list(bar)
});

const concept = record<IConceptDrift>({
  drifted: flag,
  evidence: number,
  limit: number,
  level: number,
  slope: number,
  since: maybe(text),
  found: maybe(text),
  days: number,
  words: text
});

const explanation = record<IExplanation>({
  metric: text,
  reference: number,
  expected: number,
  window: number,
  inputs: maybe(number),
  inputs_low: maybe(number),
  inputs_high: maybe(number),
  relation: maybe(number),
  relation_low: maybe(number),
  relation_high: maybe(number),
  effective_rows: number,
  rows: number,
  labelled: number,
  trusted: flag,
  words: text
});

const comparison = record<IComparison>({
  metric: text,
  champion: text,
  challenger: text,
  champion_value: number,
  challenger_value: number,
  gain: number,
  low: number,
  high: number,
  n: number
});

const performance = record<IPerformance>({
  version: text,
  rows: number,
  labelled: number,
  judged: number,
  metrics: table(metric),
  label_bias: flag,
  label_words: text,
  reference: maybe(metric),
  fall: maybe(number),
  fell: flag,
  estimated: table(metric),
  estimate_trusted: flag,
  estimate_words: text,
  estimated_fall: maybe(number),
  estimated_fell: flag,
  estimate_miss: maybe(number),
  estimate_error: maybe(number),
  residuals: () => [],
  concept: maybe(concept),
  explanation: maybe(explanation),
  against_former: maybe(comparison)
});

const baseline = record<IBaseline>({
  kind: text as Shape<IBaseline['kind']>,
  wanted: text as Shape<IBaseline['wanted']>,
  rows: number,
  slices: number,
  windows: list(text),
  words: text
});

const separation = record<ISeparation>({
  auc: number,
  low: number,
  high: number,
  threshold: number,
  p_value: number,
  level: number,
  n_reference: number,
  n_window: number,
  blocks: number,
  drivers: table(number),
  verdict,
  words: text
});

const association = record<IAssociationChange>({
  first: text,
  second: text,
  measure: text as Shape<IAssociationChange['measure']>,
  reference: number,
  window: number,
  effect: number,
  threshold: number,
  adjusted_p: number,
  level: number,
  verdict,
  words: text
});

const segment = record<ISegmentReport>({
  segment: record({ column: text, value: maybe(text) }),
  rows: number,
  labelled: number,
  baseline_rows: number,
  readings: list(reading),
  performance: list(performance),
  verdict,
  drifted: list(text)
});

const pastReading = record<IPastReading>({
  column: text,
  verdict,
  effect: number,
  effect_low: maybe(number),
  effect_high: maybe(number),
  threshold: number,
  n_window: number,
  importance: maybe(number)
});

const pastWindow = record<IPastWindow>({
  window,
  project: text,
  rows: number,
  labelled: number,
  verdict,
  drifted: list(text),
  readings: list(pastReading),
  performance: list(performance)
});

const windowReport = record<IWindowReport>({
  window,
  project: text,
  rows: number,
  labelled: number,
  open: flag,
  versions: table(number),
  reference: text,
  readings: list(reading),
  performance: list(performance),
  verdict,
  drifted: list(text),
  expected_false_alarms: number,
  baseline: maybe(baseline),
  slices: () => [],
  served: () => [],
  segments: list(segment),
  separation: maybe(separation),
  associations: list(association),
  made: text
});

const alert = record<IAlert>({
  id: number,
  cause: text,
  role: text as Shape<IAlert['role']>,
  owner: text,
  severity,
  title: text,
  message: text,
  since: text,
  updated: text,
  count: number,
  delivered: flag,
  reached: list(text),
  attempts: number,
  next_attempt: maybe(text),
  error: text,
  acknowledged: maybe(text),
  acknowledged_by: text,
  note: text,
  muted_until: maybe(text),
  muted_by: text,
  escalated: maybe(text),
  resolved: maybe(text),
  resolved_by: text,
  cleared: list(text),
  all_clear: maybe(text)
});

const decision = record<IDecision>({
  id: text,
  window,
  action: word('alert', 'retrain', 'ask', 'rollback', 'nothing'),
  asks_for: maybe(acts),
  reason: text,
  champion: maybe(text),
  target: maybe(text),
  findings: () => [],
  outcome: maybe(text),
  at: text,
  judged: maybe(text),
  answer: maybe(word('approved', 'rejected')),
  answered_by: text,
  answered: maybe(text),
  note: text
});

const profileColumn = record<IProfileColumn>({
  name: text,
  kind: text as Shape<IProfileColumn['kind']>,
  rows: number,
  missing: number,
  distinct: maybe(number),
  mean: maybe(number),
  sd: maybe(number),
  quantiles: table(number),
  frequent: table(number),
  bars: list(record({ ...range, share: number }))
});

/** Read the text of a report's file. */
export function parseText(written: string, trans: TranslationBundle): IContent {
  if (!written.trim()) {
    throw new Unreadable(trans.__('The file is empty.'), again(trans));
  }
  let given: unknown;
  try {
    given = JSON.parse(written);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Unreadable(trans.__('The file is not JSON: %1', why), again(trans));
  }
  return parse(given, trans);
}

/** Read a report, or one window of it, whatever a file or a cell's output holds. */
export function parse(given: unknown, trans: TranslationBundle): IContent {
  if (!isObject(given)) {
    throw new Unreadable(trans.__('This is no report: it holds no fields.'), again(trans));
  }
  if (typeof given.format === 'string' && given.format !== FORMAT) {
    throw new Unreadable(
      trans.__('This report has the format %1, which this page cannot read.', given.format),
      trans.__(
        'Install the roadworthy-jupyterlab that goes with the roadworthy that wrote it, and load this page again.'
      )
    );
  }
  if (given.format === FORMAT) {
    const alerts = list(alert)(given.alerts).filter(one => one.resolved === null);
    const windows = windowsOf(list(windowReport)(given.windows), trans);
    const judged = windows.filter(one => one.verdict !== 'too little data');
    const told = judged[judged.length - 1] ?? windows[windows.length - 1] ?? null;
    const decisions = list(decision)(given.decisions);
    return { project: text(given.project), made: text(given.made), told, windows, alerts, decisions };
  }
  if (!isObject(given.window) || !Array.isArray(given.readings)) {
    throw new Unreadable(
      trans.__('This is no report: it names neither a format nor a window.'),
      again(trans)
    );
  }
  return contentOf(windowReport(given), [], trans);
}

/** One window and those before it. */
export function contentOf(told: IWindowReport, former: IPastWindow[], trans: TranslationBundle): IContent {
  const others = former.filter(
    one => one.window.start !== told.window.start || one.window.end !== told.window.end
  );
  const windows = windowsOf([...others, told], trans);
  return { project: told.project, made: told.made, told, windows, alerts: [], decisions: [] };
}

/** Read what the server says of a report's file. */
export function parseAnswer(answer: ILabReport, trans: TranslationBundle): IContent | IProfileColumn[] {
  if (answer.kind === 'profile') {
    return list(profileColumn)(answer.profile);
  }
  if (!answer.report) {
    throw new Unreadable(trans.__('The server found no report in %1.', answer.path), again(trans));
  }
  return contentOf(windowReport(answer.report), list(pastWindow)(answer.former), trans);
}

function windowsOf<T extends IPastWindow>(windows: T[], trans: TranslationBundle): T[] {
  for (const { window } of windows) {
    if (Number.isNaN(Date.parse(window.start)) || Number.isNaN(Date.parse(window.end))) {
      throw new Unreadable(
        trans.__('A window of this report does not say when it begins and ends.'),
        again(trans)
      );
    }
  }
  return [...windows].sort((a, b) => Date.parse(a.window.start) - Date.parse(b.window.start));
}

function again(trans: TranslationBundle): string {
  return trans.__(
    'Write it again with the command roadworthy observe, or open it as text to see what it holds.'
  );
}
