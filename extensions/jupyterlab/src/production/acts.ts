import { ILabProduction, IProductionAct } from '../records';

/** What a command is asked to do; where it says nothing the reader chooses. */
export interface IWish {
  act: IProductionAct['act'];
  version?: string;
  decision?: string;
}

/** What may be done of what was wished for, and why nothing may be. */
export interface IOffer {
  possible: IProductionAct[];
  whyNot: string[];
}

export function offer(production: ILabProduction, wish: IWish): IOffer {
  const meant = production.acts.filter(
    one =>
      one.act === wish.act &&
      (wish.version === undefined || one.version_to === wish.version) &&
      (wish.decision === undefined || one.decision === wish.decision)
  );
  const possible = production.may_act ? meant.filter(one => one.possible) : [];
  const whyNot = meant.filter(one => !one.possible && one.why_not).map(one => one.why_not);
  return { possible, whyNot: [...new Set(whyNot)] };
}

/** A version's own id, without the project's name. */
export function bare(version: string): string {
  return version.slice(version.lastIndexOf(':') + 1);
}
