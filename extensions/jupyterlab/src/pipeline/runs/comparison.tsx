import * as React from 'react';
import { usePage } from '../../page';
import { IChange, IMeasure, IRunDiff, ITaskDiff } from '../../records';
import { shown } from './table';

/** What changed from one run to another: metrics, parameters, code by cell, data and environment. */
export function Comparison({ diff, task }: { diff: IRunDiff; task: string }): JSX.Element {
  const { trans } = usePage();
  const tasks = diff.tasks.filter(found => found.kind !== 'same');
  const own = tasks.filter(found => found.name === task);
  const others = tasks.filter(found => found.name !== task).map(found => found.name);
  const given = [...diff.parameters, ...own.flatMap(found => found.parameters)];
  const data = [...diff.reads, ...diff.as_of, ...diff.inputs];
  const around = [...diff.contract, ...diff.commit, ...diff.environment];
  const nothing = given.length + data.length + around.length + tasks.length === 0;
  return (
    <section className="rw-comparison" aria-label={trans.__('Comparison')}>
      <h2 className="rw-title">{trans.__('Comparison of two runs')}</h2>
      <p className="rw-quiet">{trans.__('From %1 to %2', diff.before, diff.after)}</p>
      {nothing && (
        <p>
          {trans.__(
            'Nothing that goes into the result is another: parameters, code, data and environment are the same.'
          )}
        </p>
      )}
      <Measures measures={[...diff.metrics, diff.seconds]} />
      <Changes title={trans.__('Parameters')} changes={unique(given)} />
      {own.map(found => (
        <Cells key={found.name} task={found} />
      ))}
      {others.length > 0 && <p>{trans.__('Other tasks that changed: %1', others.join(', '))}</p>}
      <Changes title={trans.__('Data')} changes={data} />
      <Changes title={trans.__('Contract, commit and environment')} changes={around} />
    </section>
  );
}

function unique(changes: IChange[]): IChange[] {
  return [...new Map(changes.map(change => [change.name, change])).values()];
}

function Measures({ measures }: { measures: IMeasure[] }): JSX.Element {
  const { trans, locale } = usePage();
  const number = (value: number | null) => (value === null ? '–' : locale.number(value));
  return (
    <table className="rw-table rw-fit">
      <caption>{trans.__('Metrics')}</caption>
      <thead>
        <tr>
          <th scope="col">{trans.__('Metric')}</th>
          <th scope="col" className="rw-number">
            {trans.__('Before')}
          </th>
          <th scope="col" className="rw-number">
            {trans.__('After')}
          </th>
          <th scope="col" className="rw-number">
            {trans.__('Difference')}
          </th>
        </tr>
      </thead>
      <tbody>
        {measures.map(({ name, before, after }) => (
          <tr key={name}>
            <th scope="row">{name === 'seconds' ? trans.__('duration in seconds') : name}</th>
            <td className="rw-number">{number(before)}</td>
            <td className="rw-number">{number(after)}</td>
            <td className="rw-number">
              {before === null || after === null ? '–' : locale.difference(after - before)}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Changes({ title, changes }: { title: string; changes: IChange[] }): JSX.Element | null {
  const { trans } = usePage();
  if (changes.length === 0) {
    return null;
  }
  return (
    <table className="rw-table rw-fit">
      <caption>{title}</caption>
      <thead>
        <tr>
          <th scope="col">{trans.__('Name')}</th>
          <th scope="col">{trans.__('Before')}</th>
          <th scope="col">{trans.__('After')}</th>
        </tr>
      </thead>
      <tbody>
        {changes.map(change => (
          <tr key={change.name}>
            <th scope="row">{change.name}</th>
            <td>{change.kind === 'added' ? '–' : shown(change.before)}</td>
            <td>{change.kind === 'removed' ? '–' : shown(change.after)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Cells({ task }: { task: ITaskDiff }): JSX.Element {
  const { trans } = usePage();
  const words = { added: trans.__('added'), removed: trans.__('removed'), changed: trans.__('changed') };
  return (
    <>
      <h3 className="rw-subtitle">{trans.__('Cells')}</h3>
      {task.notes.map(note => (
        <p className="rw-quiet" key={note}>
          {note}
        </p>
      ))}
      {task.code.length === 0 && !task.code_changed && (
        <p>{trans.__('The code of %1 is the same.', task.name)}</p>
      )}
      {task.code.map(cell => {
        const number = cell.after ?? cell.before;
        return (
          <figure className="rw-cell" key={`${cell.before}-${cell.after}`}>
            <figcaption>{trans.__('Code cell %1, %2', number, words[cell.kind])}</figcaption>
            <Diff text={cell.diff} label={trans.__('Difference of code cell %1', number)} />
          </figure>
        );
      })}
    </>
  );
}

/** A unified difference; each line says by its first sign what it is, the colour repeats it. */
function Diff({ text, label }: { text: string; label: string }): JSX.Element {
  const lines = text.split('\n').filter(line => !/^(---|\+\+\+) (before|after)$|^@@ /.test(line.trimEnd()));
  return (
    <pre className="rw-diff" tabIndex={0} role="region" aria-label={label}>
      {lines.map((line, place) => (
        <span
          key={place}
          data-line={line.startsWith('+') ? 'added' : line.startsWith('-') ? 'removed' : undefined}
        >
          {line}
          {'\n'}
        </span>
      ))}
    </pre>
  );
}
