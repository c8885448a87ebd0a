import type { QueryClient } from '@tanstack/react-query';
import type { Live } from '@/live/live';
import { SocketLive } from '@/live/socket';
import { createAuthProvider } from './rest/authProvider';
import { createClient } from './rest/client';
import { createDataProvider } from './rest/dataProvider';
import { Session } from './rest/session';
import type { Services } from './services';
import { fetchTransport, type Transport } from './transport';

/** What the console reaches the server by. With another transport and other events it is the fake twin's. */
export function createServices(queries: QueryClient, transport: Transport = fetchTransport, liveOf: (session: Session) => Live = (session) => new SocketLive(session)): Services {
    const session = new Session(transport);
    const client = createClient(transport, session);
    return {
        client,
        session,
        live: liveOf(session),
        dataProvider: createDataProvider(client),
        authProvider: createAuthProvider(client, session, queries),
    };
}
