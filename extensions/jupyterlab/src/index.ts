import { JupyterFrontEndPlugin } from '@jupyterlab/application';
import { pipelinePlugin } from './pipeline/plugin';
import { reportPlugin } from './report/plugin';

/** Everything that this extension adds to JupyterLab: one plugin a capability. */
const plugins: JupyterFrontEndPlugin<unknown>[] = [pipelinePlugin, reportPlugin];

export default plugins;
