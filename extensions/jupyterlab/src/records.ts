// Written by `make docs` from src/roadworthy/records: change the records, not this file.

/** What Jupyter's event system knows an ILabEvent by. */
export const EVENTS = 'urn:roadworthy:events:lab:v1';

/** That somebody sees to an alert. */
export interface IAcknowledging {
  /** any path in the project, below the server's root */
  path: string;
  /** for whoever looks at it later */
  note?: string;
}

/** An act on production that somebody has confirmed. */
export interface IActRequest {
  path: string;
  act: 'promote' | 'rollback' | 'approve' | 'reject';
  version_to?: string | null;
  decision?: string | null;
  /** who was champion in the dialog: refused when that is no longer so */
  champion: string | null;
  confirmed: true;
  reason?: string;
}

/** A finding that was made known to its owner, until it is resolved. */
export interface IAlert {
  id: number;
  cause: string;
  /** whose part broke */
  role: 'data' | 'model' | 'infrastructure' | 'monitoring';
  /** role, name and contact at the time */
  owner: string;
  severity: 'info' | 'warning' | 'critical';
  title: string;
  message: string;
  since: string;
  updated: string;
  /** how often the cause was found */
  count: number;
  /** whether every address of whoever must know has taken it */
  delivered: boolean;
  /** the addresses that took it, without their secrets */
  reached: string[];
  /** deliveries in a row that failed */
  attempts: number;
  /** it is not sent again before */
  next_attempt: string | null;
  /** how the last delivery failed; blank once it is delivered */
  error: string;
  acknowledged: string | null;
  acknowledged_by: string;
  /** what whoever acknowledged, muted or resolved it last had to say */
  note: string;
  /** of the cause: a later alert of it is muted, too */
  muted_until: string | null;
  muted_by: string;
  /** when it went on to the owner's backup */
  escalated: string | null;
  resolved: string | null;
  /** blank when its cause has gone by itself */
  resolved_by: string;
  /** the addresses that know that its cause has gone */
  cleared: string[];
  /** when all who had it knew that its cause has gone */
  all_clear: string | null;
}

/** How two features go together, before and now. */
export interface IAssociationChange {
  first: string;
  second: string;
  measure: 'rank correlation' | 'correlation ratio' | "Cramer's V";
  reference: number;
  window: number;
  /** largest change of a correlation between their ranks or categories, 0 to 2 */
  effect: number;
  threshold: number;
  /** corrected over all pairs */
  adjusted_p: number;
  level: number;
  verdict: 'drift' | 'no drift' | 'too little data';
  words: string;
}

/** One bar of a pair of histograms: shares of the reference and of the window. */
export interface IBar {
  label: string;
  /** rest: all categories without a bar of their own; empty: the empty text; None: what the label says */
  stands_for: 'rest' | 'empty' | null;
  /** where its range begins; None: it is open there, or the bar is a category's */
  low: number | string | null;
  /** where it ends; the same as `low`: one value alone */
  high: number | string | null;
  reference: number;
  window: number;
}

/** What a window was held against. */
export interface IBaseline {
  kind: 'training' | 'frozen' | 'before' | 'season';
  /** what the policy asks for; training stands in until that is there */
  wanted: 'training' | 'frozen' | 'before' | 'season';
  rows: number;
  /** parts in event time whose differences are known; 0: none are */
  slices: number;
  /** names of the windows that it is made of */
  windows: string[];
  /** the same in plain words */
  words: string;
}

/** One code cell that is not the same in both runs. Cells are counted from 1, code cells alone. */
export interface ICellChange {
  kind: 'added' | 'removed' | 'changed';
  before: number | null;
  after: number | null;
  diff: string;
}

/** One named value that is not the same in both runs. */
export interface IChange {
  name: string;
  kind: 'added' | 'removed' | 'changed';
  before: unknown;
  after: unknown;
}

/** Two versions on the same labelled rows, paired. */
export interface IComparison {
  metric: string;
  champion: string;
  challenger: string;
  champion_value: number;
  challenger_value: number;
  /** how much better the challenger is, in the metric's own unit; above 0 is better */
  gain: number;
  /** lower end of the gain's 95 % interval */
  low: number;
  high: number;
  n: number;
}

/** Whether labels still follow from the probabilities as they did at release, tested day by day. */
export interface IConceptDrift {
  /** the evidence has passed its limit: the relation has changed */
  drifted: boolean;
  /** how many times likelier labels are under a change, over all days it may begin */
  evidence: number;
  /** days until chance alone gets there, on average, at least */
  limit: number;
  /** share of positive labels less what was foretold, since the change began */
  level: number;
  /** by how much that grows with each deviation of the score above the mean */
  slope: number;
  /** the day from which on a change fits the labels best */
  since: string | null;
  /** the day whose labels made the evidence pass its limit */
  found: string | null;
  /** of labelled rows that were looked at */
  days: number;
  words: string;
}

/** What is to be done about a window, and why. Made by a pure function of findings and policy. */
export interface IDecision {
  /** by which it is approved */
  id: string;
  window: IWindow;
  action: 'nothing' | 'alert' | 'retrain' | 'ask' | 'rollback';
  /** what waits for a person's approval */
  asks_for: 'retrain' | 'promote' | 'rollback' | null;
  reason: string;
  /** the version in production then */
  champion: string | null;
  /** the version to go back to, or to promote */
  target: string | null;
  findings: IFinding[];
  /** what acting on it came to */
  outcome: string | null;
  at: string;
  /** when the window's report was made: decided about once */
  judged: string | null;
  answer: 'approved' | 'rejected' | null;
  answered_by: string;
  answered: string | null;
  /** why it was approved or rejected */
  note: string;
}

/** A running service process, as it last reported itself. */
export interface IDeployment {
  id: string;
  pid: number;
  version: string | null;
  since: string;
  heartbeat: string;
  problem: string | null;
  /** version that a rollout has loaded beside it */
  challenger: string | null;
  /** answered rows that could not be recorded, since it started */
  lost: number;
  /** bytes that wait to be collected */
  spooled: number;
  /** by version, within the last ten minutes */
  served: IServed[];
}

/** A window's verdict, as one mark of a strip. */
export interface IDriftMark {
  window: IWindow;
  verdict: 'drift' | 'no drift' | 'too little data';
  drifted: string[];
  rows: number;
  open: boolean;
  /** its .drift.json below the server's root, when it is there */
  report: string | null;
}

/** What was found of one bound of a rollout, at one look. */
export interface IEvidence {
  at: string;
  step: number;
  /** error rate, slow share, difference or quality */
  bound: string;
  /** the challenger's, or its difference to the champion's where a bound says so */
  value: number;
  /** lower end of its confidence sequence: valid however often one looks */
  low: number;
  high: number;
  /** requests of the challenger */
  n: number;
  limit: number;
  verdict: 'kept' | 'broken' | 'too little data';
  words: string;
}

/** Why a metric differs from its value at release: other inputs, or another relation of inputs and label. */
export interface IExplanation {
  metric: string;
  /** on the labelled rows held out at release */
  reference: number;
  /** in the window, had labels followed from inputs as at release */
  expected: number;
  /** realised */
  window: number;
  /** part of the fall that the inputs explain, above 0 is worse */
  inputs: number | null;
  inputs_low: number | null;
  inputs_high: number | null;
  /** part that is left: the relation has changed, or something unseen has */
  relation: number | null;
  relation_low: number | null;
  relation_high: number | null;
  /** independent rows that the weighted ones are worth */
  effective_rows: number;
  /** held-out rows */
  rows: number;
  /** rows of the window */
  labelled: number;
  /** the inputs overlap enough for the parts to be told apart */
  trusted: boolean;
  words: string;
}

/** Something that somebody must know. The cause is its identity: one alert a cause. */
export interface IFinding {
  cause: string;
  owner: 'data' | 'model' | 'infrastructure' | 'monitoring';
  severity: 'info' | 'warning' | 'critical';
  title: string;
  message: string;
}

/** One question the gate asked. */
export interface IGateCheck {
  name: string;
  passed: boolean;
  /** what was found, in words, with the figures */
  fact: string;
}

/** All that the gate asked; it passes when every check passes. */
export interface IGateVerdict {
  checks: IGateCheck[];
}

/** One act on production. The history is only ever added to. */
export interface IHistoryEntry {
  at: string;
  who: string;
  action: 'release' | 'nominate' | 'promote' | 'rollback' | 'refuse' | 'retrain' | 'approve' | 'reject' | 'rollout' | 'abort';
  version_from: string | null;
  version_to: string | null;
  reason: string;
  forced: boolean;
  /** how long the act took */
  seconds: number;
}

/** A build as a process of its own; it goes on when the page or the server is closed. */
export interface IJob {
  id: string;
  /** the project's folder below the server's root */
  project: string;
  state: 'running' | 'done' | 'failed' | 'cancelled';
  /** None when it was not started from JupyterLab */
  request: IJobRequest | null;
  who: string;
  started: string;
  ended: string | null;
  tasks: IJobTask[];
  /** the newest lines of what it said, without secrets */
  log: string;
  /** the run that it is recorded as */
  run: string | null;
  /** what went wrong */
  error: string | null;
  /** what to do about it */
  next: string;
  failed_task: string | null;
  /** its notebook, below the server's root */
  failed_source: string | null;
  /** index of the failing cell in the source, from 0 */
  failed_cell: number | null;
  /** the executed notebook, of a task that was run alone */
  executed: string | null;
}

/** A build that somebody asks for. */
export interface IJobRequest {
  /** any path in the project, below the server's root */
  path: string;
  /** these tasks and what they need; all when empty */
  only?: string[];
  /** what those tasks need is brought up to date first; otherwise they run on what is there */
  needs?: boolean;
  /** key of env.yaml or parameter's name -> value */
  parameters?: { [key: string]: unknown };
  /** run the notebook of the one task with these parameters aside: the pipeline's products stay */
  alone?: boolean;
  force?: boolean;
}

/** How far one task of a build is. */
export interface IJobTask {
  name: string;
  state: 'waiting' | 'running' | 'done' | 'failed' | 'fresh' | 'held back';
  seconds: number | null;
  words: string;
}

/** Something that happened, for whoever has the project open. */
export interface ILabEvent {
  kind: 'job' | 'run' | 'alert' | 'switch' | 'report' | 'production' | 'files';
  /** the project's folder below the server's root */
  project: string;
  at: string;
  title: string;
  message: string;
  severity: 'info' | 'warning' | 'critical';
  job: string | null;
  state: 'running' | 'done' | 'failed' | 'cancelled' | null;
  run: string | null;
  alert: number | null;
  /** a report's path below the server's root */
  report: string | null;
  version_from: string | null;
  version_to: string | null;
}

/** What is known of a notebook that is open. */
export interface ILabNotebook {
  project: ILabProject;
  /** None when it is no task of the pipeline */
  task: ILabTask | null;
  parameters: ILabParameter[];
  /** index of the tagged cell, from 0; None: there is none */
  parameters_cell: number | null;
}

/** A parameter as its line in the tagged cell declares it. */
export interface ILabParameter {
  name: string;
  type: 'text' | 'integer' | 'number' | 'boolean' | 'choice' | 'list' | 'mapping' | 'other';
  /** as written, such as 'int | None' */
  annotation: string;
  /** None is a value of it */
  optional: boolean;
  /** as written, of a Literal */
  choices: string[];
  /** its value in the cell; None where it is no literal */
  default: unknown;
  /** the default as it stands in the cell */
  written: string;
  /** what pipeline.yaml and env.yaml give it; the default otherwise */
  value: unknown;
  /** the key of env.yaml that sets it; None where none does */
  key: string | null;
  /** its value is a secret and is never shown */
  secret: boolean;
  /** the comment on its line, or above it */
  help: string;
}

/** All tasks, each after those that it builds on. */
export interface ILabPipeline {
  project: ILabProject;
  tasks: ILabTask[];
  /** the build that runs at present, whoever started it */
  job: IJob | null;
}

/** A product of a task and how it stands. */
export interface ILabProduct {
  /** below the server's root */
  path: string;
  /** edited: by hand, after the task had made it */
  state: 'there' | 'missing' | 'edited';
}

/** What runs in production, how it does, and what may be done. */
export interface ILabProduction {
  project: ILabProject;
  problem: string;
  champion: ILabVersion | null;
  challenger: ILabVersion | null;
  /** that one may go back to, the last good one first */
  former: ILabVersion[];
  deployments: IDeployment[];
  /** of late first, then by window, newest first */
  traffic: ITrafficPart[];
  /** oldest first */
  performance: IPerformancePoint[];
  /** oldest first */
  drift: IDriftMark[];
  /** open, newest first */
  alerts: IAlert[];
  questions: IDecision[];
  retrainings: IRetraining[];
  rollout: IRollout | null;
  observers: IObserver[];
  acts: IProductionAct[];
  /** newest first */
  history: IHistoryEntry[];
  /** this user has the right to change production */
  may_act: boolean;
}

/** The project that a path belongs to. */
export interface ILabProject {
  /** the path is in a project; otherwise the other fields are blank */
  found: boolean;
  /** its root, below the server's root; blank when it is that root */
  folder: string;
  name: string;
  /** of the server's side; the page compares its own */
  version: string;
  problems: IProblem[];
}

/** A report file, read for a page: what a ``.drift.json`` or a ``.profile.bin`` says. */
export interface ILabReport {
  path: string;
  kind: 'window' | 'profile';
  report: IWindowReport | null;
  /** earlier windows beside it, oldest first */
  former: IPastWindow[];
  profile: IProfileColumn[];
  rows: number;
}

/** A task of the pipeline and how it stands. */
export interface ILabTask {
  name: string;
  /** the notebook or script, below the server's root; blank for a task of another kind */
  source: string;
  standing: 'fresh' | 'stale' | 'running' | 'failed' | 'unknown';
  /** why, in words, such as '2 cells changed' */
  reasons: string[];
  upstream: string[];
  /** the executed notebook included */
  products: ILabProduct[];
  /** the executed notebook, below the server's root */
  notebook: string | null;
  /** the newest run that executed it */
  last_run: string | null;
  last_ended: string | null;
  /** how long it took then */
  seconds: number | null;
  /** index of the failing cell in its source, from 0 */
  failed_cell: number | null;
  error: string | null;
}

/** A version that an alias points at, or that one may go back to. */
export interface ILabVersion {
  version: string;
  since: string | null;
  created: string;
  metrics: { [key: string]: IMetricReading };
  gate: IGateVerdict;
  run: string;
}

/** One number of both runs; None where a run does not have it. */
export interface IMeasure {
  name: string;
  before: number | null;
  after: number | null;
}

/** A metric's value with a 95 % interval, on n labelled rows. */
export interface IMetricReading {
  metric: string;
  value: number;
  low: number;
  high: number;
  n: number;
}

/** That nobody wants to hear of an alert's cause for some hours. */
export interface IMuting {
  /** any path in the project, below the server's root */
  path: string;
  /** for whoever looks at it later */
  note?: string;
  hours: number;
}

/** A process that looks at the traffic again and again, as it last reported itself. */
export interface IObserver {
  id: string;
  host: string;
  pid: number;
  /** seconds between two looks */
  every: number;
  started: string;
  heartbeat: string;
  /** when its last look ended */
  looked: string | null;
  /** why its last look came to nothing, or what it died of */
  problem: string;
  /** looks in a row that came to nothing by a failure */
  failed: number;
  /** when it ended, or was found dead */
  ended: string | null;
  /** it ended by a failure, or was found silent */
  died: boolean;
}

/** What a reading of an earlier window adds to a trend. */
export interface IPastReading {
  column: string;
  verdict: 'drift' | 'no drift' | 'too little data';
  effect: number;
  effect_low: number | null;
  effect_high: number | null;
  threshold: number;
  n_window: number;
  importance: number | null;
}

/** What an earlier window adds to a report: of each reading no more than its place in a trend. */
export interface IPastWindow {
  window: IWindow;
  project: string;
  rows: number;
  labelled: number;
  verdict: 'drift' | 'no drift' | 'too little data';
  drifted: string[];
  readings: IPastReading[];
  performance: IPerformance[];
}

/** Performance of one version in one window: realised, as far as labels have come, and estimated before. */
export interface IPerformance {
  version: string;
  rows: number;
  labelled: number;
  /** labelled rows old enough that their label came whatever it is */
  judged: number;
  /** realised, on the judged rows */
  metrics: { [key: string]: IMetricReading };
  /** the judged rows are not like all: they are weighted */
  label_bias: boolean;
  /** what share has labels, and whether they come biased */
  label_words: string;
  /** the use case's metric at release */
  reference: IMetricReading | null;
  /** how much worse than at release; above 0 is worse */
  fall: number | null;
  /** worse by more than tolerated, beyond the doubt of both intervals */
  fell: boolean;
  /** what all rows' labels will show, from the probabilities; empty where withheld */
  estimated: { [key: string]: IMetricReading };
  /** nothing speaks against the estimate */
  estimate_trusted: boolean;
  /** why the estimate can be trusted, or cannot */
  estimate_words: string;
  /** as fall, of the estimate */
  estimated_fall: number | null;
  /** as fell, of an estimate that can be trusted */
  estimated_fell: boolean;
  /** the use case's metric, estimated less realised, on the judged rows */
  estimate_miss: number | null;
  /** mean of the misses' sizes over the windows so far, this one included */
  estimate_error: number | null;
  /** labels against probabilities, day by day */
  residuals: IResidualDay[];
  /** as of this window, over the windows so far */
  concept: IConceptDrift | null;
  /** why it fell, where rows are kept */
  explanation: IExplanation | null;
  /** the former champion as challenger, on the same rows */
  against_former: IComparison | null;
}

/** Performance of the version that a window is judged for. */
export interface IPerformancePoint {
  window: IWindow;
  version: string;
  metric: string;
  realised: IMetricReading | null;
  estimated: IMetricReading | null;
  estimate_trusted: boolean;
  labelled: number;
  rows: number;
  fell: boolean;
}

/** Something in a project's files that keeps a part of it from being read, and where to mend it. */
export interface IProblem {
  /** below the server's root, so that it can be opened there; blank when it is no file's */
  file: string;
  /** counted from 1 */
  line: number | null;
  message: string;
  /** what to do */
  next: string;
}

/** Something that somebody may do to production, and what will happen when they do. */
export interface IProductionAct {
  act: 'promote' | 'rollback' | 'approve' | 'reject';
  possible: boolean;
  why_not: string;
  version_from: string | null;
  version_to: string | null;
  /** the decision's id, to approve or reject */
  decision: string | null;
  title: string;
  /** what will happen, in sentences */
  consequences: string[];
}

/** One bar of a column's histogram. */
export interface IProfileBar {
  label: string;
  /** as in a Bar */
  stands_for: 'rest' | 'empty' | null;
  low: number | string | null;
  high: number | string | null;
  share: number;
}

/** One column of a profile. */
export interface IProfileColumn {
  name: string;
  kind: 'number' | 'text' | 'time' | 'boolean' | 'mixed' | 'empty';
  rows: number;
  missing: number;
  distinct: number | null;
  mean: number | null;
  sd: number | null;
  /** such as '0.5' -> value */
  quantiles: { [key: string]: number };
  /** the most frequent values, most frequent first */
  frequent: { [key: string]: number };
  bars: IProfileBar[];
}

/** What one column of one window said, held against the reference. */
export interface IReading {
  /** the column, or what else the fact is about, such as the window's rows */
  column: string;
  kind: 'feature' | 'prediction' | 'missing' | 'unseen' | 'type' | 'range' | 'duplicates' | 'cardinality' | 'volume' | 'freshness';
  /** the test's standard name */
  measure: string;
  statistic: number;
  /** size of the change, in the unit that the threshold has */
  effect: number;
  /** lower end of the effect's 95 % interval */
  effect_low: number | null;
  /** upper end of it */
  effect_high: number | null;
  /** the least effect that matters, from the policy */
  threshold: number;
  p_value: number;
  /** after correction over the window's readings */
  adjusted_p: number;
  /** chance of a false alarm that the window may take */
  level: number;
  n_reference: number;
  n_window: number;
  /** independent rows that the reference's are worth, sketch error included */
  effective_n_reference: number | null;
  /** independent rows that the window's are worth, sketch error included */
  effective_n: number | null;
  /** least effect that would be found in such a window four times out of five */
  detectable: number | null;
  /** stretches of the reference, by its rank among which it was decided; 0: by its p-value */
  ranked_among: number;
  /** of the column for the model, when it is known */
  importance: number | null;
  verdict: 'drift' | 'no drift' | 'too little data';
  /** the change in plain words, with figures */
  words: string;
  bars: IBar[];
}

/** What the server answers when it could not do what was asked. */
export interface IRefusal {
  message: string;
  /** what to do; blank when it is not known */
  next: string;
  /** the place, when a file of the project is at fault */
  problem: IProblem | null;
}

/** Everything that was found in the traffic, and what came of it. */
export interface IReport {
  /** changes when a field goes or means something else */
  format: 'roadworthy.report/1';
  project: string;
  made: string;
  /** who answers for a part: name and contact */
  owners: { [key: string]: string };
  /** oldest first */
  windows: IWindowReport[];
  /** oldest first */
  decisions: IDecision[];
  /** that decisions led to, newest first */
  retrainings: IRetraining[];
  /** newest first, open and resolved */
  alerts: IAlert[];
  /** acts on production, newest first */
  history: IHistoryEntry[];
}

/** By how much a day's labels differed from what the probabilities foretold, summed over its labelled rows. */
export interface IResidualDay {
  /** of event time, YYYY-MM-DD in UTC */
  day: string;
  rows: number;
  /** labels less probabilities */
  level: number;
  /** of that sum, while the probabilities hold */
  level_variance: number;
  /** standard error of what was foretold */
  level_doubt: number;
  /** the same, each row times its score's distance from the mean in deviations */
  slope: number;
  slope_variance: number;
  slope_doubt: number;
}

/** A retraining on its way from the decision to its end, step by step; whoever dies, another goes on. */
export interface IRetraining {
  id: string;
  /** the window that led to it; its rows are kept for the comparison */
  window: IWindow;
  /** the version to beat, and the reference that the window was held against */
  champion: string;
  /** the decision's id */
  decision: string;
  reason: string;
  /** first day of the training data */
  start: string;
  /** first day after the training data */
  end: string;
  /** why these data, in words */
  why: string;
  /** folder of the build's products, below the project's root */
  products: string;
  step: 'train' | 'release' | 'compare' | 'ask' | 'rollout' | 'promote' | 'watch' | 'done';
  /** how often the present step was begun */
  attempts: number;
  run: string | null;
  version: string | null;
  comparison: IComparison | null;
  /** the decision that asks whether to promote */
  question: string | null;
  outcome: string;
  failed: boolean;
  opened: string;
  promoted: string | null;
  ended: string | null;
}

/** A challenger let into production step by step. */
export interface IRollout {
  id: string;
  mode: 'shadow' | 'canary';
  champion: string;
  challenger: string;
  /** shares of the traffic, one after another */
  steps: number[];
  step: number;
  started: string;
  /** when the present step began */
  since: string;
  who: string;
  reason: string;
  state: 'running' | 'promoted' | 'rolled back' | 'aborted' | 'finished';
  ended: string | null;
  outcome: string;
  /** of the newest look at each step and bound */
  evidence: IEvidence[];
}

/** What changed from one run to another. */
export interface IRunDiff {
  before: string;
  after: string;
  run: IChange[];
  parameters: IChange[];
  tasks: ITaskDiff[];
  inputs: IChange[];
  reads: IChange[];
  writes: IChange[];
  as_of: IChange[];
  contract: IChange[];
  environment: IChange[];
  commit: IChange[];
  metrics: IMeasure[];
  seconds: IMeasure;
}

/** One run of the pipeline: what was executed, from what, with which result. */
export interface IRunRecord {
  id: string;
  project: string;
  /** the machine and the folder that it runs in */
  builder: string;
  /** who built */
  who: string;
  state: 'running' | 'done' | 'failed' | 'interrupted';
  started: string;
  ended: string | null;
  git_commit: string | null;
  git_dirty: boolean;
  /** python, platform and package versions */
  environment: { [key: string]: string };
  parameters: { [key: string]: unknown };
  contract_hash: string;
  contract_version: string;
  /** dataset -> table version that was read or written */
  tables: { [key: string]: number };
  /** dataset -> version that the run was told to read */
  as_of: { [key: string]: number };
  /** how many tasks could run at once */
  jobs: number;
  metrics: { [key: string]: number };
  tasks: ITaskRecord[];
}

/** The rows with one value of a column. */
export interface ISegment {
  column: string;
  /** None for the rest: values too rare for a segment of their own, and none */
  value: string | null;
}

/** What was found in one segment of a window. */
export interface ISegmentReport {
  segment: ISegment;
  rows: number;
  labelled: number;
  /** rows of the segment in what it was held against; 0: there is nothing */
  baseline_rows: number;
  readings: IReading[];
  performance: IPerformance[];
  verdict: 'drift' | 'no drift' | 'too little data';
  /** columns that drifted, largest change first */
  drifted: string[];
}

/** How well a classifier tells a window's rows from the reference's: all features, and what they do together. */
export interface ISeparation {
  /** of the classifier on rows and times it has not seen; 0.5 where nothing changed */
  auc: number;
  /** lower end of its 95 % interval */
  low: number;
  high: number;
  /** the least area that matters */
  threshold: number;
  p_value: number;
  /** p-value that it must reach */
  level: number;
  n_reference: number;
  n_window: number;
  /** stretches of time that the window's rows come in; they are what is counted */
  blocks: number;
  /** feature -> by how much the area falls when it is shuffled, the largest first */
  drivers: { [key: string]: number };
  verdict: 'drift' | 'no drift' | 'too little data';
  words: string;
}

/** How a version has served over a stretch of time, as far as its answers and failures are on record. */
export interface IServed {
  version: string;
  /** answered or failed */
  requests: number;
  /** answered */
  rows: number;
  /** requests that it could not answer */
  errors: number;
  /** seconds that half of the answered requests took at most */
  p50: number | null;
  /** seconds that 99 of 100 took at most */
  p99: number | null;
  /** sketch of the seconds, to be added to others': bucket -> requests; not of a window */
  latencies: { [key: string]: number };
}

/** A part of a window whose rows are profiled together: how much the slices differ shows how much chance brings. */
export interface ISlice {
  start: string;
  end: string;
  rows: number;
}

/** One task in both runs. Of a task that a run did not execute, what its products were made by is compared. */
export interface ITaskDiff {
  name: string;
  kind: 'added' | 'removed' | 'changed' | 'same';
  before_run: string | null;
  after_run: string | null;
  execution: IChange[];
  parameters: IChange[];
  code: ICellChange[];
  code_changed: boolean;
  inputs: IChange[];
  reads: IChange[];
  writes: IChange[];
  products: IChange[];
  seconds: IMeasure;
  peak_memory: IMeasure;
  notes: string[];
}

/** One executed task of a run. */
export interface ITaskRecord {
  name: string;
  state: 'done' | 'failed' | 'skipped';
  started: string;
  seconds: number;
  /** bytes, the task's process and its children */
  peak_memory: number | null;
  source: string;
  source_hash: string;
  parameters: { [key: string]: unknown };
  parameter_hash: string;
  /** path below the project's root -> BLAKE3 of its content */
  products: { [key: string]: string };
  /** path of the executed notebook */
  notebook: string | null;
  error: string | null;
  /** BLAKE3 of the code by cell, as the state keeps it */
  code_hash: string;
  /** BLAKE3 of all that decides whether its products are fresh */
  fingerprint: string;
  /** path that it read -> BLAKE3 of its content then */
  inputs: { [key: string]: string };
  /** table -> version that it read */
  reads: { [key: string]: number };
  /** tables whose newest version it read, whichever that was */
  newest: string[];
  /** table -> last version that it made */
  writes: { [key: string]: number };
  /** how often it was started, the last time included */
  attempts: number;
  /** how its kernel was started */
  kernel: 'warm' | 'plain' | null;
  /** why it was plain although a warm one was wanted */
  kernel_reason: string;
}

/** One execution of a task, as its history tells it. */
export interface ITaskRun {
  run: IRunRecord;
  task: string;
  state: 'done' | 'failed' | 'skipped';
  started: string;
  seconds: number;
  /** without the values of secrets */
  parameters: { [key: string]: unknown };
  /** table -> version that it read */
  reads: { [key: string]: number };
  metrics: { [key: string]: number };
  /** who built */
  who: string;
  /** the executed notebook below the server's root, if there */
  notebook: string | null;
  /** that notebook is this run's own, and no later one's */
  kept: boolean;
  error: string | null;
}

/** What one version answered in one window, or of late. */
export interface ITrafficPart {
  version: string;
  /** None: of late, as the running services tell */
  window: IWindow | null;
  requests: number | null;
  rows: number;
  errors: number | null;
  error_rate: number | null;
  /** seconds */
  p50: number | null;
  /** seconds */
  p99: number | null;
}

/** A stretch of event time: start belongs to it, end does not. */
export interface IWindow {
  start: string;
  end: string;
}

/** Everything found in one window of traffic. */
export interface IWindowReport {
  window: IWindow;
  project: string;
  rows: number;
  labelled: number;
  /** event time has not yet passed its end: more rows may come */
  open: boolean;
  /** version -> rows it answered */
  versions: { [key: string]: number };
  /** the version that the window is judged for; its training is a reference */
  reference: string;
  readings: IReading[];
  performance: IPerformance[];
  verdict: 'drift' | 'no drift' | 'too little data';
  /** columns that drifted, largest change first */
  drifted: string[];
  /** chance, at most, that such a window names anything where nothing changed */
  expected_false_alarms: number;
  /** what the readings compare the window with */
  baseline: IBaseline | null;
  /** how each version served; a failure belongs where the answer nearest in time does */
  served: IServed[];
  /** parts of the window that have rows, earliest first */
  slices: ISlice[];
  segments: ISegmentReport[];
  /** what features do together, where rows are kept */
  separation: ISeparation | null;
  /** each pair of features, largest change first, where rows are kept */
  associations: IAssociationChange[];
  made: string;
}
