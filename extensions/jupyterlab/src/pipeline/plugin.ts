import { JupyterFrontEndPlugin } from '@jupyterlab/application';

/** How the open notebook's task stands, its runs and the pipeline. */
export const pipelinePlugin: JupyterFrontEndPlugin<void> = {
  id: 'roadworthy-jupyterlab:pipeline',
  description:
    'How the open notebook stands as a task of the pipeline, its runs, and the pipeline as a picture.',
  autoStart: true,
  activate: (): void => undefined
};
