import { JupyterFrontEndPlugin } from '@jupyterlab/application';
import { notificationPlugin } from './notifications';
import { pipelinePlugin } from './pipeline/plugin';
import { productionPlugin } from './production/plugin';
import { reportPlugin } from './report/plugin';

/** Everything that this extension adds to JupyterLab: one plugin a capability. */
const plugins: JupyterFrontEndPlugin<unknown>[] = [
  pipelinePlugin,
  reportPlugin,
  productionPlugin,
  notificationPlugin
];

export default plugins;
