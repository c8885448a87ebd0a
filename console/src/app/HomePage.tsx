import { Navigate } from 'react-router';
import { useMyPermissions } from '@/access/me';
import { homeOf } from '@/access/pages';
import { pages } from './pages';
import { Loading } from './shell/Loading';

/** Where one begins. */
export function HomePage() {
    const mine = useMyPermissions();
    return mine ? <Navigate to={homeOf(mine, pages)} replace /> : <Loading />;
}
