import Button from '@mui/material/Button';
import Skeleton from '@mui/material/Skeleton';
import Stack from '@mui/material/Stack';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import type { Slot } from '@/api/types';
import { useT } from '@/i18n';
import { useClient } from '@/providers/services';
import { Section } from '@/ui/page';
import { ProblemBox, useTell } from '@/ui/problems';

/** A part of a slot that is read and written by itself, as `T`, and what is being made of it, as `D`. */
export function useSlotPart<T extends object, D = T>(slot: Slot, part: string) {
    const t = useT();
    const client = useClient();
    const queries = useQueryClient();
    const tell = useTell();
    const key = ['slots', slot.id, part];
    const path = `/slots/${slot.id}/${part}`;
    const { data, error: unread, refetch } = useQuery({ queryKey: key, queryFn: () => client.get<T>(path), retry: false });
    const [draft, setDraft] = useState<D>();
    const [busy, setBusy] = useState(false);
    const [error, setError] = useState<unknown>();
    const drop = () => {
        setDraft(undefined);
        setError(undefined);
    };
    const save = async (body: object) => {
        setBusy(true);
        setError(undefined);
        try {
            // What the server answers, if it says anything, is what it has made of it.
            queries.setQueryData(key, (await client.put<T | undefined>(path, body)) ?? body);
            setDraft(undefined);
            tell(t('form.saved'));
        } catch (problem) {
            setError(problem);
        } finally {
            setBusy(false);
        }
    };
    return { data, unread, refetch, draft, setDraft, drop, busy, error, save };
}

interface SlotPartProps {
    title: string;
    about: string;
    part: Pick<ReturnType<typeof useSlotPart>, 'data' | 'unread' | 'refetch' | 'draft' | 'drop' | 'busy' | 'error'>;
    /** What stands there while it is loaded, in pixels. */
    height: number;
    /** Whether what is being made of it can be saved. */
    canSave: boolean;
    onSave: () => Promise<void>;
    /** Whether a field says already what is wrong. */
    isToldBelow?: boolean;
    children: ReactNode;
}

/** The section of such a part: its fields once it is there, and the buttons that keep or drop what was made of it. */
export function SlotPart({ title, about, part: { data, unread, refetch, draft, drop, busy, error }, height, canSave, onSave, isToldBelow, children }: SlotPartProps) {
    const t = useT();
    return (
        <Section title={title} about={about}>
            {unread && <ProblemBox error={unread} onRetry={() => void refetch()} />}
            {!data && !unread && <Skeleton variant="rounded" height={height} />}
            {data && (
                <Stack sx={{ gap: 1.5, maxWidth: 640 }}>
                    {children}
                    {error !== undefined && !isToldBelow && <ProblemBox error={error} />}
                    <Stack direction="row" sx={{ gap: 1 }}>
                        <Button variant="contained" disabled={!canSave} loading={busy} onClick={() => void onSave()}>
                            {t('form.save')}
                        </Button>
                        {draft !== undefined && (
                            <Button color="inherit" onClick={drop}>
                                {t('common.cancel')}
                            </Button>
                        )}
                    </Stack>
                </Stack>
            )}
        </Section>
    );
}
