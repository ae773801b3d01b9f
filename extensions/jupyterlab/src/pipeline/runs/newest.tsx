import * as React from 'react';
import { usePage } from '../../page';
import { IActions } from '../actions';
import { PipelineModel } from '../model';
import { Failure } from '../problems';
import { RunList } from './list';

interface INewestProps {
  model: PipelineModel;
  act: Pick<IActions, 'openFile' | 'showRuns'>;
}

/** The newest runs of the open notebook's task, in the panel. */
export function NewestRuns({ model, act }: INewestProps): JSX.Element {
  const { trans } = usePage();
  const { runs, error } = model.newest;
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
