import { createRoot } from 'react-dom/client';
import { App } from './app/App';
import { createQueries } from './app/queries';
import { createI18n } from './i18n';
import { createServices } from './providers/create';

const queries = createQueries();
const root = document.getElementById('root');
if (!root) throw new Error('the page has no place for the console');

// The twin is not even in the bundle that is built for the server.
const services = import.meta.env.FAKE ? (await import('./providers/fake')).createFakeServices(queries) : createServices(queries);
createRoot(root).render(<App services={services} i18n={await createI18n()} queries={queries} />);
