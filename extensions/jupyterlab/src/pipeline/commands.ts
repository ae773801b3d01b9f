import { JupyterFrontEnd } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { LabIcon, runIcon, stopIcon, historyIcon } from '@jupyterlab/ui-components';
import { TranslationBundle } from '@jupyterlab/translation';
import { Actions } from './actions';
import { pipelineIcon, roadIcon } from './icons';
import { PipelineModel } from './model';
import { cellsOf } from './parameters/cell';
import { hasParameters } from './parameters/tagged';
import { TaskPanel } from './panel';

export const COMMANDS = {
  runTask: 'roadworthy:run-task',
  runTaskWithNeeds: 'roadworthy:run-task-with-needs',
  runStale: 'roadworthy:run-stale',
  cancel: 'roadworthy:cancel-run',
  showPanel: 'roadworthy:show-panel',
  showPipeline: 'roadworthy:show-pipeline',
  showRuns: 'roadworthy:show-runs',
  addParameters: 'roadworthy:add-parameters-cell'
};

interface ICommand {
  label: string;
  caption: string;
  icon?: LabIcon;
  execute(): void;
  isEnabled?(): boolean;
  isVisible?(): boolean;
}

/** Add the commands; toolbar, menu and shortcuts name them in schema/pipeline.json. */
export function addCommands(
  app: JupyterFrontEnd,
  model: PipelineModel,
  act: Actions,
  trans: TranslationBundle,
  palette: ICommandPalette | null
): void {
  const added = described(app, model, act, trans);
  for (const [id, command] of Object.entries(added)) {
    app.commands.addCommand(id, { ...command, describedBy: { args: { type: 'object', properties: {} } } });
    palette?.addItem({ command: id, category: trans.__('Roadworthy') });
  }
  // a toolbar's button listens to its own command alone
  model.changed.connect(() => Object.keys(added).forEach(id => app.commands.notifyCommandChanged(id)));
}

function described(
  app: JupyterFrontEnd,
  model: PipelineModel,
  act: Actions,
  trans: TranslationBundle
): { [id: string]: ICommand } {
  const isTask = () => model.task !== null;
  const mayRun = () => isTask() && !model.running;
  return {
    [COMMANDS.runTask]: {
      label: trans.__('Run This Task'),
      caption: trans.__('Save, and run the open notebook as a task of the pipeline'),
      icon: runIcon,
      execute: act.runTask,
      isEnabled: mayRun,
      isVisible: isTask
    },
    [COMMANDS.runTaskWithNeeds]: {
      label: trans.__('Run This Task and What It Needs'),
      caption: trans.__('Save, and bring the task and all that it builds on up to date'),
      execute: act.runTaskWithNeeds,
      isEnabled: mayRun
    },
    [COMMANDS.runStale]: {
      label: trans.__('Run All That Is Stale'),
      caption: trans.__('Save, and bring the whole pipeline up to date'),
      execute: act.runStale,
      isEnabled: () => model.stale.length > 0 && !model.running
    },
    [COMMANDS.cancel]: {
      label: trans.__('Cancel the Run'),
      caption: trans.__('End the build that runs on the server'),
      icon: stopIcon,
      execute: act.cancel,
      isEnabled: () => model.running
    },
    [COMMANDS.showPanel]: {
      label: trans.__('Show the Task Panel'),
      caption: trans.__('How the open notebook stands as a task of the pipeline'),
      icon: roadIcon,
      // the layout of last time, once it is there, would close it again
      execute: () => app.restored.then(() => app.shell.activateById(TaskPanel.id))
    },
    [COMMANDS.showPipeline]: {
      label: trans.__('Show the Pipeline'),
      caption: trans.__('The whole pipeline as a picture'),
      icon: pipelineIcon,
      execute: act.showPipeline
    },
    [COMMANDS.showRuns]: {
      label: trans.__('Show the Runs of This Task'),
      caption: trans.__('The history of the open notebook’s task; two runs can be compared'),
      icon: historyIcon,
      execute: act.showRuns,
      isEnabled: isTask
    },
    [COMMANDS.addParameters]: {
      label: trans.__('Add a Parameters Cell'),
      caption: trans.__('Put a cell tagged “parameters” into the open notebook'),
      execute: act.addParametersCell,
      isEnabled: () => act.open !== null && !hasParameters(cellsOf(act.open))
    }
  };
}
