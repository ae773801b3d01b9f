import { IJob, IJobTask, ILabTask } from '../records';

/** What a build says of its tasks; one that runs aside says nothing of the pipeline's. */
function toldBy(job: IJob | null): Map<string, IJobTask['state']> {
  return new Map((job === null || job.request?.alone ? [] : job.tasks).map(task => [task.name, task.state]));
}

function standingOf(state: IJobTask['state'] | undefined, running: boolean): ILabTask['standing'] | null {
  switch (state) {
    case 'running':
      return running ? 'running' : null;
    case 'done':
    case 'fresh':
      return 'fresh';
    case 'failed':
      return 'failed';
    default:
      return null;
  }
}

/**
 * The tasks as they stand now: what a build has told since they were read is newer than what was read.
 *
 * @param known - the build as it stood when the reading began
 */
export function overlaid(tasks: ILabTask[], job: IJob | null, known: IJob | null): ILabTask[] {
  const [now, then] = [toldBy(job), toldBy(known?.id === job?.id ? known : null)];
  const running = job?.state === 'running';
  return tasks.map(task => {
    const state = now.get(task.name);
    const standing = state === then.get(task.name) ? null : standingOf(state, running);
    return standing && standing !== task.standing ? { ...task, standing, reasons: [], error: null } : task;
  });
}
