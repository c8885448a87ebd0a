import { budgetRoutes } from '../budgets';
import { crmRoutes } from '../crm';
import { sessionRoutes as listenRoutes } from '../listening/sessions';
import { statisticsRoutes } from '../listening/statistics';
import { tagRoutes } from '../listening/tags';
import { deskRoutes } from '../desk';
import type { FakeRoute, FakeWorld } from '../world';
import { officeRoutes } from './office';
import { peopleRoutes } from './people';
import { planRoutes } from './plan';
import { securityRoutes } from './security';
import { sessionRoutes } from './session';
import { telephonyRoutes } from './telephony';

/** What answers, area by area; the first that matches does. What only one area knows is kept in it. */
export const AREAS: readonly ((world: FakeWorld) => FakeRoute[])[] = [sessionRoutes, peopleRoutes, officeRoutes, planRoutes, securityRoutes, budgetRoutes, tagRoutes, listenRoutes, statisticsRoutes, telephonyRoutes, crmRoutes, deskRoutes];
