import { PathExt } from '@jupyterlab/coreutils';
import * as React from 'react';
import { IPage, usePage } from '../../page';
import { ILabProduct, ILabTask } from '../../records';
import { stateIcon, stateTone, stateWords } from '../standing';
import { CARD, ICard, ILayout, neighbour, PRODUCTS } from './layout';
import { productIcon, productTone, productWords } from './product';

/** As many letters stand beside a product's icon. */
const WORDS = 22;

interface IGraphProps {
  layout: ILayout;
  withProducts: boolean;
  zoom: number;
  /** the task of the open notebook */
  current: string;
  onOpen(path: string): void;
}

/** The pipeline drawn: a card a task, a line to each that builds on it. One Tab stop; arrow keys go from card to card. */
export function Graph({ layout, withProducts, zoom, current, onOpen }: IGraphProps): JSX.Element {
  const { trans } = usePage();
  const place = React.useRef<SVGSVGElement>(null);
  const [focused, setFocused] = React.useState('');
  const first = layout.layers[0]?.[0] ?? '';
  const stop = layout.cards.has(focused) ? focused : layout.cards.has(current) ? current : first;
  const onKeyDown = (event: React.KeyboardEvent, task: ILabTask) => {
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      onOpen(task.source);
      return;
    }
    const next = neighbour(layout, task.name, event.key);
    if (next !== task.name) {
      event.preventDefault();
      setFocused(next);
      place.current?.querySelector<SVGGElement>(`[data-task="${CSS.escape(next)}"]`)?.focus();
    }
  };
  return (
    <svg
      ref={place}
      className="rw-graph"
      role="group"
      aria-label={trans.__('The pipeline: arrow keys go from task to task, Enter opens one')}
      width={layout.width * zoom}
      height={layout.height * zoom}
      viewBox={`0 0 ${layout.width} ${layout.height}`}
    >
      <defs>
        <marker
          id="rw-tip"
          viewBox="0 0 8 8"
          refX="7"
          refY="4"
          markerWidth="8"
          markerHeight="8"
          orient="auto"
        >
          <path d="M0,0 L8,4 L0,8 z" className="rw-tip" />
        </marker>
      </defs>
      {layout.edges.map(({ from, to, path }) => (
        <path
          key={`${from} ${to}`}
          className="rw-edge"
          data-near={from === focused || to === focused}
          d={path}
          markerEnd="url(#rw-tip)"
        />
      ))}
      {[...layout.cards.values()].map(card => (
        <g key={card.task.name} transform={`translate(${card.x},${card.y})`}>
          <g
            className="rw-node"
            role="link"
            tabIndex={card.task.name === stop ? 0 : -1}
            aria-label={label(card.task)}
            aria-current={card.task.name === current ? 'true' : undefined}
            data-task={card.task.name}
            data-tone={stateTone(card.task.standing)}
            onClick={() => onOpen(card.task.source)}
            onFocus={() => setFocused(card.task.name)}
            onKeyDown={event => onKeyDown(event, card.task)}
          >
            <Head card={card} />
          </g>
          {withProducts && <Products task={card.task} onOpen={onOpen} />}
        </g>
      ))}
    </svg>
  );

  function label(task: ILabTask): string {
    const why = task.reasons.length > 0 ? `: ${task.reasons.join(', ')}` : '';
    const after = task.upstream.length > 0 ? ` ${trans.__('Builds on %1.', task.upstream.join(', '))}` : '';
    return `${task.name}, ${stateWords(task.standing, trans)}${why}.${after}`;
  }
}

function Head({ card }: { card: ICard }): JSX.Element {
  const { trans } = usePage();
  const { task, height } = card;
  const Icon = stateIcon(task.standing);
  const why = task.reasons[0] ?? '';
  const words = stateWords(task.standing, trans);
  return (
    <>
      <title>{[`${task.name}: ${words}`, ...task.reasons].join('\n')}</title>
      <rect className="rw-node-box" width={CARD.width} height={height} rx={6} />
      <rect className="rw-node-side" width={4} height={height - 12} x={0} y={6} rx={2} />
      <text className="rw-node-name" x={16} y={21}>
        {shortened(task.name, 20)}
      </text>
      <foreignObject x={15} y={29} width={16} height={16} aria-hidden="true">
        <Icon.react tag="span" className="rw-icon" />
      </foreignObject>
      <text className="rw-node-words" x={35} y={41}>
        {shortened(why ? `${words} · ${why}` : words, 22)}
      </text>
    </>
  );
}

/** What a task makes, on its card. For keyboard and screen reader the same stands in the table. */
function Products({ task, onOpen }: { task: ILabTask; onOpen(path: string): void }): JSX.Element {
  const page = usePage();
  const more = task.products.length - PRODUCTS;
  return (
    <g aria-hidden="true" transform={`translate(0,${CARD.head})`}>
      {task.products.length > 0 && (
        <line className="rw-node-rule" x1={10} x2={CARD.width - 10} y1={0} y2={0} />
      )}
      {task.products.slice(0, PRODUCTS).map((product, at) => (
        <Product key={product.path} product={product} top={at * CARD.product} onOpen={onOpen} />
      ))}
      {more > 0 && <More count={more} page={page} />}
    </g>
  );
}

interface IProductProps {
  product: ILabProduct;
  top: number;
  onOpen(path: string): void;
}

function Product({ product: { path, state }, top, onOpen }: IProductProps): JSX.Element {
  const { trans } = usePage();
  const { word, full } = productWords(state, trans);
  const Icon = productIcon(state);
  return (
    <g
      className="rw-product"
      data-state={state}
      data-tone={productTone(state)}
      onClick={() => state !== 'missing' && onOpen(path)}
    >
      <title>{`${path}: ${full}`}</title>
      <rect x={6} y={4 + top} width={CARD.width - 12} height={CARD.product - 2} rx={3} />
      <foreignObject x={13} y={6 + top} width={16} height={16}>
        <Icon.react tag="span" className="rw-icon" />
      </foreignObject>
      <text x={33} y={18 + top}>
        {`${shortened(PathExt.basename(path), WORDS - word.length)} · ${word}`}
      </text>
    </g>
  );
}

function More({ count, page }: { count: number; page: IPage }): JSX.Element {
  return (
    <text className="rw-node-words" x={30} y={18 + PRODUCTS * CARD.product}>
      {page.trans._n('and %1 more', 'and %1 more', count)}
    </text>
  );
}

function shortened(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}
