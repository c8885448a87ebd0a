import Alert from '@mui/material/Alert';
import Box from '@mui/material/Box';
import Link from '@mui/material/Link';
import { useRecordContext } from 'ra-core';
import type { ReactNode } from 'react';
import { Link as RouterLink } from 'react-router';
import type { PlanWarning } from '@/api/plan';
import { useT } from '@/i18n';
import { readSentence, Sentence } from '@/ui/sentences';

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
            {record.warnings.map((warning) => (
                <li key={`${warning.path} ${warning.text}`}>
                    <Said {...warning} />
                </li>
            ))}
        </WarningBox>
    );
}

/** What is wrong. What is said of any field has to say of which. */
function Said({ path, text }: Pick<PlanWarning, 'path' | 'text'>) {
    return <Sentence text={path && !readSentence(text) ? `${path}: ${text}` : text} />;
}

/** What the server says of something in the plan, with the way there. */
export function PlanWarningLine({ warning }: { warning: PlanWarning }) {
    const t = useT();
    const { about, name, is_left_out: isLeftOut } = warning;
    const [what, id] = 'route' in about ? (['route', about.route] as const) : (['carrier', about.carrier] as const);
    return (
        <>
            <Link component={RouterLink} to={`/${what}s/${id}`}>
                <bdi>{t(`explain.subjects.${what}`, { name })}</bdi>
            </Link>
            {isLeftOut && ` ${t('explain.left_out')}`}: <Said {...warning} />
        </>
    );
}
