import Alert from '@mui/material/Alert';
import Box from '@mui/material/Box';
import Link from '@mui/material/Link';
import { useRecordContext } from 'ra-core';
import type { ReactNode } from 'react';
import { Link as RouterLink } from 'react-router';
import type { PlanWarning } from '@/api/plan';
import { useT } from '@/i18n';
import { readSentence, Sentence } from '@/ui/sentences';
import { readWarning } from './warning';

/** What somebody should do something about. */
export function WarningBox({ children }: { children: ReactNode }) {
    const t = useT();
    return (
        <Alert severity="warning" sx={{ mb: 2 }}>
            {t('explain.warnings')}
            <Box component="ul" sx={{ m: 0, pl: 2.5 }}>
                {children}
            </Box>
        </Alert>
    );
}

/** What the server says of the carrier or route that is open. */
export function Warnings() {
    const record = useRecordContext<{ id: string; warnings?: PlanWarning[] }>();
    if (!record?.warnings?.length) return null;
    return (
        <WarningBox>
            {record.warnings.map(({ path, text }) => (
                <li key={`${path} ${text}`}>
                    {/* What is said of any field has to say of which. */}
                    <Sentence text={path && !readSentence(text) ? `${path}: ${text}` : text} />
                </li>
            ))}
        </WarningBox>
    );
}

/** What the server says of something in the plan, with the way there. */
export function PlanWarningLine({ text }: { text: string }) {
    const t = useT();
    const known = readWarning(text);
    if (!known) return <Sentence text={text} />;
    const { what, id, name, isLeftOut, says } = known;
    return (
        <>
            <Link component={RouterLink} to={`/${what}s/${id}`}>
                <bdi>{t(`explain.subjects.${what}`, { name })}</bdi>
            </Link>
            {isLeftOut && ` ${t('explain.left_out')}`}: <Sentence text={says} />
        </>
    );
}
