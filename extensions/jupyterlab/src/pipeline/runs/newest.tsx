import * as React from 'react';
import { usePage } from '../../page';
import { IActions } from '../actions';
import { PipelineModel } from '../model';
import { Failure } from '../problems';
import { RunList } from './list';
import { useRuns } from './read';

const NEWEST = 5;

interface INewestProps {
  model: PipelineModel;
  act: Pick<IActions, 'openFile' | 'showRuns'>;
  /** read again when it is another */
  revision: number;
}

/** The newest runs of the open notebook's task, in the panel. */
export function NewestRuns({ model, act, revision }: INewestProps): JSX.Element {
  const { trans } = usePage();
  const { runs, error } = useRuns(model, model.path, model.task?.name ?? '', NEWEST, revision);
  return (
    <details className="rw-block rw-details" open>
      <summary>
        <h2 className="rw-title">{trans.__('Runs')}</h2>
      </summary>
      {error && <Failure error={error} onOpen={act.openFile} />}
      {runs?.length === 0 && <p className="rw-quiet">{trans.__('This task has not been run yet.')}</p>}
      {runs && runs.length > 0 && (
        <>
          <RunList runs={runs} onOpen={act.openFile} />
          <div className="rw-actions">
            <button className="rw-button" onClick={act.showRuns}>
              {trans.__('All runs, and compare two')}
            </button>
          </div>
        </>
      )}
    </details>
  );
}
