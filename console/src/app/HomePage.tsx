import { Navigate } from 'react-router';
import { useCan, useMyPermissions } from '@/access/me';
import { pages } from './pages';
import { Loading } from './shell/Loading';

/** Where one begins: the first page of the menu that one may see. */
export function HomePage() {
    const can = useCan();
    if (!useMyPermissions()) return <Loading />;
    const first = pages.find((page) => page.menu && can(page.permission));
    return <Navigate to={first?.path ?? '/settings'} replace />;
}
