import type { QueryClient } from '@tanstack/react-query';
import { createServices } from '../create';
import type { Services } from '../services';
import { FakeLive } from './live';
import { FakeServer, type FakeOptions } from './server';

export { FAKE_PASSWORD, FakeServer } from './server';
export { FakeLive } from './live';

/** The console against a server that lives in the tab. User `admin` (or `ann`, `clara`, …), password `cordboard`. */
export function createFakeServices(queries: QueryClient, options: FakeOptions = { delay: 120, busy: true }): Services & { server: FakeServer } {
    const live = new FakeLive();
    const server = new FakeServer(live, options);
    return { ...createServices(queries, server.transport, () => live), server };
}
