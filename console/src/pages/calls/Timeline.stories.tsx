import type { Call } from '@/api/types';
import { Timeline } from './Timeline';

const AT = Date.UTC(2026, 10, 21, 6, 41, 7);

const call: Call = { call_id: 'c_1', status: 'ended', direction: 'outbound', caller: '6001', callee: '+74951234567', started_at: AT, ringing_at: AT + 900, answered_at: AT + 9_900, ended_at: AT + 99_900, segments: [], tries: [], rung: [] };

export const Answered = () => <Timeline call={call} />;

export const Unanswered = () => <Timeline call={{ ...call, answered_at: null, ended_at: AT + 30_900 }} />;
