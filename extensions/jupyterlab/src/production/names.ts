import { IProductionAct } from '../records';

/** The commands that change production. */
export const ACTS: { [act in IProductionAct['act']]: string } = {
  promote: 'roadworthy:promote-version',
  rollback: 'roadworthy:roll-back-version',
  approve: 'roadworthy:approve-decision',
  reject: 'roadworthy:reject-decision'
};
export const ACKNOWLEDGE = 'roadworthy:acknowledge-alert';
export const MUTE = 'roadworthy:mute-alert';
export const SHOW_PRODUCTION = 'roadworthy:show-production';

/** How long an alert is muted by one press. */
export const HOURS = 24;
