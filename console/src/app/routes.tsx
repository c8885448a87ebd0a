import { lazy, Suspense, type ComponentType } from 'react';
import { Loading } from './shell/Loading';

// Pages that belong to no resource. Each is fetched when somebody goes there.
export const LoginPage = fetched(lazy(() => import('@/pages/login').then(({ LoginPage }) => ({ default: LoginPage }))));
export const LinkPage = fetched(lazy(() => import('@/pages/login').then(({ LinkPage }) => ({ default: LinkPage }))));
export const ForgotPage = fetched(lazy(() => import('@/pages/login').then(({ ForgotPage }) => ({ default: ForgotPage }))));
export { HomePage } from './HomePage';
export { NoAccess, NotFound } from './ErrorPage';

/** A page that says while it is being fetched that it is. Those within the shell have that from the shell. */
function fetched(Page: ComponentType): ComponentType {
    return function Fetched() {
        return (
            <Suspense fallback={<Loading />}>
                <Page />
            </Suspense>
        );
    };
}
