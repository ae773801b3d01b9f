import { ReactWidget, UseSignal } from '@jupyterlab/apputils';
import * as React from 'react';
import { IPage, PageProvider, usePage } from '../../page';
import { ILabTask } from '../../records';
import { IActions } from '../actions';
import { pipelineIcon } from '../icons';
import { PipelineModel } from '../model';
import { Failure, Problems } from '../problems';
import { Badge, Standing } from '../standing';
import { Graph } from './graph';
import { layout } from './layout';
import { TaskTable } from './table';

const MANY = 24;
const STEP = 1.25;
/** Smaller than that, words cannot be read: then the picture is scrolled. */
const [LEAST, MOST] = [0.75, 2];

/** The whole pipeline, as a picture and as a table, in the main area. */
export class PipelineWidget extends ReactWidget {
  static readonly id = 'roadworthy-pipeline';

  constructor(
    private readonly model: PipelineModel,
    private readonly page: IPage,
    private readonly act: IActions
  ) {
    super();
    this.id = PipelineWidget.id;
    this.title.label = page.trans.__('Pipeline');
    this.title.icon = pipelineIcon;
    this.title.closable = true;
    this.addClass('rw-main');
  }

  protected override render(): JSX.Element {
    return (
      <PageProvider value={this.page}>
        <UseSignal signal={this.model.changed}>
          {() => <Pipeline model={this.model} act={this.act} />}
        </UseSignal>
      </PageProvider>
    );
  }
}

function Pipeline({ model, act }: { model: PipelineModel; act: IActions }): JSX.Element {
  const { trans } = usePage();
  const { tasks } = model;
  const [asTable, setAsTable] = React.useState(false);
  const [products, setProducts] = React.useState<boolean | null>(null);
  const [wanted, setZoom] = React.useState<number | null>(null);
  const withProducts = products ?? tasks.length <= MANY;
  const drawn = React.useMemo(() => layout(tasks, withProducts), [tasks, withProducts]);
  const [canvas, width] = useWidth();
  const zoom = wanted ?? Math.min(1, Math.max(LEAST, width / drawn.width));
  return (
    <div className="rw-view">
      <div className="rw-bar">
        <h1 className="rw-title">{model.project?.name || trans.__('Pipeline')}</h1>
        <Counts tasks={tasks} />
        <span className="rw-space" />
        <div role="group" aria-label={trans.__('View')} className="rw-choice">
          <button className="rw-button" aria-pressed={!asTable} onClick={() => setAsTable(false)}>
            {trans.__('Picture')}
          </button>
          <button className="rw-button" aria-pressed={asTable} onClick={() => setAsTable(true)}>
            {trans.__('Table')}
          </button>
        </div>
        {!asTable && (
          <>
            <label className="rw-none">
              <input type="checkbox" checked={withProducts} onChange={e => setProducts(e.target.checked)} />
              {trans.__('Products')}
            </label>
            <div role="group" aria-label={trans.__('Zoom')} className="rw-choice">
              <button
                className="rw-button"
                aria-label={trans.__('Smaller')}
                disabled={zoom <= LEAST}
                onClick={() => setZoom(Math.max(LEAST, zoom / STEP))}
              >
                −
              </button>
              <button
                className="rw-button"
                aria-label={trans.__('Larger')}
                disabled={zoom >= MOST}
                onClick={() => setZoom(Math.min(MOST, zoom * STEP))}
              >
                +
              </button>
              <button className="rw-button" aria-pressed={wanted === null} onClick={() => setZoom(null)}>
                {trans.__('Fit')}
              </button>
            </div>
          </>
        )}
        <button
          className="rw-button rw-primary"
          disabled={model.running || model.stale.length === 0}
          onClick={act.runStale}
        >
          {model.stale.length === 0 ? trans.__('Nothing is stale') : trans.__('Run all that is stale')}
        </button>
      </div>
      {model.failure && <Failure error={model.failure} onOpen={act.openFile} />}
      <Problems project={model.project} onOpen={act.openFile} />
      {model.project?.found === false && (
        <p className="rw-empty">{trans.__('There is no project of Roadworthy here.')}</p>
      )}
      {asTable ? (
        <TaskTable tasks={tasks} onOpen={act.openFile} />
      ) : (
        <div className="rw-canvas" ref={canvas}>
          <Graph
            layout={drawn}
            withProducts={withProducts}
            zoom={zoom}
            current={model.task?.name ?? ''}
            onOpen={act.openFile}
          />
        </div>
      )}
    </div>
  );
}

/** The width that a node has on the screen, and what to give the node. */
function useWidth(): [React.RefCallback<HTMLElement>, number] {
  const [width, setWidth] = React.useState(0);
  const [node, setNode] = React.useState<HTMLElement | null>(null);
  React.useEffect(() => {
    if (node === null) {
      return;
    }
    const seen = new ResizeObserver(() => setWidth(node.clientWidth));
    seen.observe(node);
    return () => seen.disconnect();
  }, [node]);
  return [setNode, width];
}

const ORDER: Standing[] = ['failed', 'running', 'stale', 'unknown', 'fresh'];

function Counts({ tasks }: { tasks: ILabTask[] }): JSX.Element {
  const { trans, locale } = usePage();
  const counted = ORDER.map(standing => ({
    standing,
    count: tasks.filter(task => task.standing === standing).length
  }));
  return (
    <ul className="rw-counts" aria-label={trans.__('How the tasks stand')}>
      {counted
        .filter(({ count }) => count > 0)
        .map(({ standing, count }) => (
          <li key={standing}>
            <span className="rw-strong">{locale.number(count)}</span> <Badge state={standing} plain />
          </li>
        ))}
    </ul>
  );
}
