import ra from 'ra-language-english';
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
import { telephony } from './telephony';

/** All English texts. They say which texts there are; the other languages follow (i18n.test.ts). */
export const en = { ...ra, ...join(common, pages, codes, permissions, telephony, budgets, keys, listening, crm, desk, { columns }) };
