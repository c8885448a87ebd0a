import { Problem } from '@/providers/problem';
import { ProblemBox } from './problems';

export const Known = () => <ProblemBox error={new Problem(409, { code: 'slot_not_callable', state: 'ACTIVE_CALL', detail: 'slot 6001 cannot call while it is ACTIVE_CALL' })} />;

/** A code that is newer than the console. */
export const Unknown = () => <ProblemBox error={new Problem(422, { code: 'brand_new', detail: 'the moon is not full' })} />;

export const ServerFault = () => <ProblemBox error={new Problem(500, { code: 'internal' }, { 'x-request-id': '5f1a3c' })} onRetry={() => undefined} />;

export const Wait = () => <ProblemBox error={new Problem(503, { code: 'store_unavailable' }, { 'retry-after': '5' })} />;

export const Offline = () => <ProblemBox error={Problem.offline(new TypeError('Failed to fetch'))} onRetry={() => undefined} />;
