import { JupyterFrontEnd } from '@jupyterlab/application';
import { ReadonlyJSONObject, ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { IProductionAct } from '../records';
import { RequestError } from '../request';
import { IWords } from '../words';
import { IWish, offer } from './acts';
import { choose } from './choose';
import { confirm, note, say } from './confirm';
import { ProductionModel } from './model';
import { ACKNOWLEDGE, ACTS, HOURS, MUTE } from './names';

export interface IContext {
  app: JupyterFrontEnd;
  words: IWords;
  /** the path that a command is about when it does not say */
  path: () => string;
  /** what was done, for whoever shows production */
  done: (project: string, words: string) => void;
}

type Args = ReadonlyPartialJSONObject;

/** Register what changes production. Each asks within itself, so that the palette asks as well. */
export function registerActs({ app, words, path, done }: IContext): void {
  const { trans } = words;
  const labels: { [act in IProductionAct['act']]: [string, string] } = {
    promote: [trans.__('Promote the Challenger…'), trans.__('Let the challenger answer in production')],
    rollback: [
      trans.__('Roll Back the Champion…'),
      trans.__('Let a former champion answer in production again')
    ],
    approve: [trans.__('Approve What Waits…'), trans.__('Approve what monitoring asks for')],
    reject: [trans.__('Reject What Waits…'), trans.__('Reject what monitoring asks for')]
  };
  const modelOf = (args: Args) =>
    new ProductionModel(
      app.serviceManager.serverSettings,
      typeof args.path === 'string' ? args.path : path()
    );
  for (const act of Object.keys(ACTS) as IProductionAct['act'][]) {
    app.commands.addCommand(ACTS[act], {
      label: labels[act][0],
      caption: labels[act][1],
      describedBy: { args: schema(['path', 'version', 'decision']) },
      execute: async args => {
        const wish: IWish = { act, version: text(args.version), decision: text(args.decision) };
        const model = modelOf(args);
        const outcome = await perform(model, wish, labels[act][0], words);
        done(model.production?.project.folder ?? '', outcome);
      }
    });
  }
  app.commands.addCommand(ACKNOWLEDGE, {
    label: trans.__('Acknowledge Alert…'),
    isVisible: args => typeof args.alert === 'number',
    describedBy: { args: schema(['path', 'title'], true) },
    execute: async args => {
      const model = modelOf(args);
      const said = await note(
        trans.__('Acknowledge this alert'),
        text(args.title) ?? '',
        trans.__('Acknowledge'),
        words
      );
      if (said !== null) {
        await refusable(() => model.acknowledge(Number(args.alert), said), words);
        done(model.path, trans.__('Acknowledged: %1', text(args.title) ?? ''));
      }
    }
  });
  app.commands.addCommand(MUTE, {
    label: trans.__('Mute Alert for %1 h', HOURS),
    isVisible: args => typeof args.alert === 'number',
    describedBy: { args: schema(['path', 'title'], true) },
    execute: async args => {
      const model = modelOf(args);
      await refusable(() => model.mute(Number(args.alert), HOURS), words);
      done(model.path, trans.__('Muted for %1 h: %2', HOURS, text(args.title) ?? ''));
    }
  });
}

/** Do what is wished for, once it is confirmed; what came of it, in words. */
async function perform(model: ProductionModel, wish: IWish, label: string, words: IWords): Promise<string> {
  const { trans } = words;
  await model.load();
  const { production, error } = model;
  if (error instanceof RequestError) {
    await say(label, [error.message, error.next], words);
    return '';
  }
  if (!production?.project.found) {
    const where = trans.__(
      'Open a file of a Roadworthy project first, or go to its folder in the file browser.'
    );
    await say(label, [trans.__('There is no Roadworthy project here.'), where], words);
    return '';
  }
  const { possible, whyNot } = offer(production, wish);
  if (!production.may_act) {
    await say(
      label,
      [trans.__('You have no right to change production. Ask whoever runs this server for it.')],
      words
    );
    return '';
  }
  if (!possible.length) {
    await say(label, whyNot.length ? whyNot : [trans.__('Nothing waits for that at present.')], words);
    return '';
  }
  const act = await choose(possible, words);
  const reason = act && (await confirm(act, words));
  if (!act || reason === null) {
    return '';
  }
  const made = await refusable(() => model.act(act, reason), words);
  return made ? trans.__('Done: %1', act.title) : '';
}

/** Do something that the server may refuse, and say why where it does. */
async function refusable<T>(act: () => Promise<T>, words: IWords): Promise<T | null> {
  const { trans } = words;
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof RequestError)) {
      throw error;
    }
    const changed = error.status === 409;
    const title = changed
      ? trans.__('Nothing was done: production has changed')
      : trans.__('Nothing was done');
    await say(title, [error.message, error.next].filter(Boolean), words);
    return null;
  }
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function schema(names: string[], alert = false): ReadonlyJSONObject {
  const properties = Object.fromEntries(names.map(name => [name, { type: 'string' }]));
  return { type: 'object', properties: alert ? { ...properties, alert: { type: 'number' } } : properties };
}
