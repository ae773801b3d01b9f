import { ILabPipeline, ILabProject, ILabTask } from '../../records';
import { VERSION } from '../../version';

/** A task as the server tells it, with what a test says of it. */
export function task(name: string, upstream: string[] = [], said: Partial<ILabTask> = {}): ILabTask {
  return {
    name,
    source: `notebooks/${name}.ipynb`,
    standing: 'fresh',
    reasons: [],
    upstream,
    products: [{ path: `products/${name}.json`, state: 'there' }],
    notebook: null,
    last_run: null,
    last_ended: null,
    seconds: null,
    failed_cell: null,
    error: null,
    ...said
  };
}

export const project: ILabProject = {
  found: true,
  folder: '',
  name: 'flights',
  version: VERSION,
  problems: []
};

export function pipeline(tasks: ILabTask[]): ILabPipeline {
  return { project, tasks, job: null };
}
