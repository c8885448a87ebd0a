import DownloadOutlined from '@mui/icons-material/DownloadOutlined';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import Skeleton from '@mui/material/Skeleton';
import { useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { useT } from '@/i18n';
import { useClient } from '@/providers/services';
import { Section } from '@/ui/page';
import { ProblemBox } from '@/ui/problems';
import { CopyButton, saveFile } from '@/ui/secret';
import { readLadder } from './rungs';
import { RungTable } from './RungTable';

/** The call's SIP messages. They come from strangers' phones and are shown as text. */
export function Ladder({ callId }: { callId: string }) {
    const t = useT();
    const client = useClient();
    const [open, setOpen] = useState(false);
    const [whole, setWhole] = useState(false);
    const ladder = useQuery({ queryKey: ['calls', callId, 'ladder'], queryFn: () => client.text(`/calls/${encodeURIComponent(callId)}/ladder`), enabled: open, retry: false, staleTime: 0 });
    const parts = useMemo(() => (ladder.data === undefined ? undefined : readLadder(ladder.data)), [ladder.data]);
    return (
        <Section
            title={t('ladder.title')}
            about={t('ladder.about')}
            actions={
                open ? (
                    ladder.data !== undefined && (
                        <>
                            {parts && (
                                <Button color="inherit" onClick={() => setWhole(!whole)}>
                                    {whole ? t('ladder.as_table') : t('ladder.as_text')}
                                </Button>
                            )}
                            <CopyButton text={ladder.data} />
                            <Button startIcon={<DownloadOutlined />} onClick={() => saveFile(`${callId}.txt`, ladder.data)}>
                                {t('common.download')}
                            </Button>
                        </>
                    )
                ) : (
                    <Button variant="outlined" onClick={() => setOpen(true)}>
                        {t('ladder.show')}
                    </Button>
                )
            }
        >
            {open && ladder.isPending && <Skeleton variant="rounded" height={220} />}
            {ladder.error && <ProblemBox error={ladder.error} onRetry={() => void ladder.refetch()} />}
            {parts && !whole && <RungTable ladder={parts} />}
            {/* A drawing that is not known is shown as it came. */}
            {ladder.data !== undefined && (whole || !parts) && (
                <Box
                    component="pre"
                    tabIndex={0}
                    sx={{ m: 0, p: 1.5, maxHeight: 520, overflow: 'auto', bgcolor: (theme) => theme.palette.quiet, borderRadius: 1, fontSize: '0.75rem !important', lineHeight: 1.5 }}
                >
                    {ladder.data}
                </Box>
            )}
        </Section>
    );
}
