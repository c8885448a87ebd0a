// Which colour a state has. One table for all pages, so that a colour means the same everywhere.
import type { CallOutcome, CallStatus, DeliveryState, JobState, RecordingState, Severity, SlotState, SlotStatus, UserState } from '@/api/types';
import type { LeadStatus } from '@/api/crm';
import type { MissedCall } from '@/api/desk';
import type { Tone } from '@/app/theme';

export const SLOT_TONES: Record<SlotState, Tone> = {
    IDLE: 'off',
    ASSIGNED: 'wait',
    REGISTERING: 'wait',
    READY: 'good',
    CALLING: 'wait',
    ACTIVE_CALL: 'busy',
    POSTCALL: 'wait',
    FAULT: 'bad',
    DISABLED: 'off',
};

export const SLOT_STATUS_TONES: Record<SlotStatus, Tone> = { free: 'good', busy: 'busy', taken: 'wait', offline: 'off', fault: 'bad', disabled: 'off' };

export const CALL_TONES: Record<CallStatus, Tone> = { dialing: 'wait', ringing: 'wait', answered: 'busy', held: 'wait', ended: 'off' };

export const OUTCOME_TONES: Record<CallOutcome, Tone> = { answered: 'good', busy: 'wait', no_answer: 'wait', canceled: 'off', failed: 'bad' };

export const RECORDING_TONES: Record<RecordingState, Tone> = { recording: 'busy', complete: 'good', partial: 'wait', failed: 'bad', not_wanted: 'off', erased: 'off' };

export const JOB_TONES: Record<JobState | 'expired', Tone> = { queued: 'wait', running: 'busy', done: 'good', failed: 'bad', cancelled: 'off', expired: 'off' };

export const DELIVERY_TONES: Record<DeliveryState, Tone> = { pending: 'wait', delivered: 'good', failed: 'bad' };

export const USER_TONES: Record<UserState, Tone> = { active: 'good', invited: 'wait', disabled: 'off' };

export const SEVERITY_TONES: Record<Severity, Tone> = { debug: 'off', info: 'busy', warning: 'wait', error: 'bad', critical: 'bad' };

export const LEAD_TONES: Record<LeadStatus, Tone> = { new: 'wait', assigned: 'wait', contacted: 'busy', qualified: 'busy', converted: 'good', lost: 'off', dnc: 'bad' };

export const MISSED_TONES: Record<MissedCall['state'], Tone> = { open: 'bad', returned: 'good', dismissed: 'off' };
