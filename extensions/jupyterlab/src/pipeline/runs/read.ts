import * as React from 'react';
import { RequestError } from '../../request';
import { IRead, NOTHING, PipelineModel } from '../model';

/** Read the newest runs of a task, and again with each revision; what was read stays while it cannot be read anew. */
export function useRuns(
  model: PipelineModel,
  path: string,
  task: string,
  limit: number,
  revision: number
): IRead {
  const of = `${path}:${task}`;
  const [read, setRead] = React.useState({ of, ...NOTHING });
  React.useEffect(() => {
    let current = true;
    model.runs(path, task, limit).then(
      runs => current && setRead({ of, runs, error: null }),
      (error: RequestError) =>
        current && setRead(before => ({ of, runs: before.of === of ? before.runs : null, error }))
    );
    return () => {
      current = false;
    };
  }, [model, path, task, limit, revision, of]);
  return read.of === of ? read : NOTHING;
}
