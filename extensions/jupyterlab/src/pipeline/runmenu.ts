import { IToolbarWidgetRegistry } from '@jupyterlab/apputils';
import { TranslationBundle } from '@jupyterlab/translation';
import { caretDownIcon, MenuSvg, ToolbarButton } from '@jupyterlab/ui-components';
import { CommandRegistry } from '@lumino/commands';
import { Widget } from '@lumino/widgets';
import { PipelineModel } from './model';

/** The toolbar's item of schema/pipeline.json that opens the menu. */
const ITEM = 'roadworthy-run-more';

/** Add the ways to run, as a menu in the toolbar of each notebook of a project. */
export function addRunMenu(
  toolbars: IToolbarWidgetRegistry,
  commands: CommandRegistry,
  ways: string[],
  model: PipelineModel,
  trans: TranslationBundle
): void {
  const menu = new MenuSvg({ commands });
  ways.forEach(command => menu.addItem({ command }));
  let before: Element | null = null;
  menu.aboutToClose.connect(() => before instanceof HTMLElement && before.focus());
  toolbars.addFactory('Notebook', ITEM, (): Widget => {
    const button = new ToolbarButton({
      icon: caretDownIcon,
      tooltip: trans.__('Ways to run the task and its pipeline'),
      'aria-haspopup': 'menu',
      onClick: () => {
        const { left, bottom } = button.node.getBoundingClientRect();
        before = document.activeElement;
        menu.open(left, bottom);
        menu.activateNextItem();
      }
    });
    const show = () => button.setHidden(!model.project?.found);
    show();
    model.changed.connect(show);
    button.disposed.connect(() => model.changed.disconnect(show));
    return button;
  });
}
