import { useCallback } from 'react';
import type { Candidate } from '@/api/desk';
import { useClientName } from './clients';
import { useLeadName } from './leads';

/** What somebody is called whom a call may be with; nothing, if it is somebody else's to know. */
export function useWho(): (candidate: Candidate | undefined) => string | undefined {
    const lead = useLeadName();
    const client = useClientName();
    return useCallback((candidate) => (candidate?.row ? (candidate.resource === 'leads' ? lead : client)(candidate.row) : undefined), [lead, client]);
}
