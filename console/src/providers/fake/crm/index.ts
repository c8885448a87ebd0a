import type { FakeRoute, FakeWorld } from '../world';
import { folkRoutes } from './folk';
import { leadRoutes, Leads } from './leads';

/** Leads and clients. */
export const crmRoutes = (world: FakeWorld): FakeRoute[] => {
    const leads = new Leads(world);
    return [...leadRoutes(world, leads), ...folkRoutes(world, leads)];
};
