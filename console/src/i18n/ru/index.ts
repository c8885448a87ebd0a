import { join } from '../join';
import { budgets } from './budgets';
import { codes } from './codes';
import { columns } from './columns';
import { common } from './common';
import { crm } from './crm';
import { desk } from './desk';
import { keys } from './keys';
import { listening } from './listening';
import { pages } from './pages';
import { permissions } from './permissions';
import { ra } from './ra';
import { telephony } from './telephony';

/** Все русские тексты. */
export const ru = { ...ra, ...join(common, pages, codes, permissions, telephony, budgets, keys, listening, crm, desk, { columns }) };
