import ExploreOffOutlined from '@mui/icons-material/ExploreOffOutlined';
import LockOutlined from '@mui/icons-material/LockOutlined';
import ReportProblemOutlined from '@mui/icons-material/ReportProblemOutlined';
import Button from '@mui/material/Button';
import { useTranslate } from 'ra-core';
import { Link } from 'react-router';
import { useT } from '@/i18n';
import { useArrival } from '@/ui/arrival';
import { Empty } from '@/ui/empty';

/** Something of ours broke. What was being done elsewhere goes on; the page can be loaded anew. */
export function ErrorPage({ error }: { error?: Error }) {
    // There may be no texts at all if what broke is what brings them.
    const translate = useTranslate();
    // After an upgrade of the server, parts of the old console are no longer there to be fetched.
    const isOld = /dynamically imported module|Importing a module script failed|Failed to fetch/.test(error?.message ?? '');
    const text = (key: string, english: string) => {
        const known = translate(key, { _: english });
        return known === key ? english : known;
    };
    return (
        <Empty
            icon={ReportProblemOutlined}
            title={isOld ? text('errors.old_title', 'The console has been updated.') : text('errors.broken_title', 'This page has broken.')}
            hint={isOld ? text('errors.old_hint', 'Load it anew to go on with the new version.') : text('errors.broken_hint', 'Load it anew. If it breaks again, tell whoever looks after the server.')}
            action={
                <Button variant="contained" onClick={() => location.reload()}>
                    {text('errors.reload', 'Load anew')}
                </Button>
            }
        />
    );
}

export function NotFound() {
    const t = useT();
    return (
        <Empty
            heading={useArrival()}
            icon={ExploreOffOutlined}
            title={t('errors.not_found_title')}
            hint={t('errors.not_found_hint')}
            action={
                <Button component={Link} to="/" variant="contained">
                    {t('errors.home')}
                </Button>
            }
        />
    );
}

export function NoAccess() {
    const t = useT();
    return (
        <Empty
            heading={useArrival()}
            icon={LockOutlined}
            title={t('errors.no_access_title')}
            hint={t('errors.no_access_hint')}
            action={
                <Button component={Link} to="/" variant="contained">
                    {t('errors.home')}
                </Button>
            }
        />
    );
}
