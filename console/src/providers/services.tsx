import type { AuthProvider, DataProvider } from 'ra-core';
import { createContext, useContext, type ReactNode } from 'react';
import type { Live } from '@/live/live';
import type { Client } from './rest/client';
import type { Session } from './rest/session';

/** All by which the console reaches the server, or its fake twin. */
export interface Services {
    client: Client;
    session: Session;
    live: Live;
    dataProvider: DataProvider;
    authProvider: AuthProvider;
}

const ServicesContext = createContext<Services | undefined>(undefined);

export function ServicesProvider({ services, children }: { services: Services; children: ReactNode }) {
    return <ServicesContext value={services}>{children}</ServicesContext>;
}

export function useServices(): Services {
    const services = useContext(ServicesContext);
    if (!services) throw new Error('there are no services above this component');
    return services;
}

export function useClient(): Client {
    return useServices().client;
}
