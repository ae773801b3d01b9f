import { JupyterFrontEndPlugin } from '@jupyterlab/application';
import { languagePlugin } from './language';
import { notificationPlugin } from './notifications';
import { pipelinePlugin } from './pipeline/plugin';
import { productionPlugin } from './production/plugin';
import { reportPlugin } from './report/plugin';

/** Everything that this extension adds to JupyterLab: one plugin a capability. */
const plugins: JupyterFrontEndPlugin<unknown>[] = [
  languagePlugin,
  pipelinePlugin,
  reportPlugin,
  productionPlugin,
  notificationPlugin
];

export default plugins;
