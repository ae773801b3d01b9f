import { JupyterFrontEndPlugin } from '@jupyterlab/application';
import { pipelinePlugin } from './pipeline/plugin';

/** Everything that this extension adds to JupyterLab: one plugin a capability. */
const plugins: JupyterFrontEndPlugin<unknown>[] = [pipelinePlugin];

export default plugins;
