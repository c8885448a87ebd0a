import type { QueryClient } from '@tanstack/react-query';
import { CoreAdminContext, CoreAdminUI, CustomRoutes, localStorageStore, Resource, type I18nProvider } from 'ra-core';
import { useState, type ComponentType } from 'react';
import { createBrowserRouter, Route, RouterProvider } from 'react-router';
import { useMyPermissions } from '@/access/me';
import { isOpen, type Guarded } from '@/access/pages';
import { rightTo } from '@/providers/resources';
import { ServicesProvider, type Services } from '@/providers/services';
import { ErrorPage } from './ErrorPage';
import { LookProvider, OwnTexts } from './look';
import { pages } from './pages';
import { ForgotPage, HomePage, LinkPage, LoginPage, NoAccess, NotFound } from './routes';
import { Loading } from './shell/Loading';
import { Shell } from './shell/Shell';

export interface AppProps {
    services: Services;
    i18n: I18nProvider;
    queries: QueryClient;
}

/** The whole console. */
export function App(props: AppProps) {
    // A data router, because only such a one can ask before somebody leaves a form that is not saved.
    const [router] = useState(() => createBrowserRouter([{ path: '*', element: <Console {...props} />, errorElement: <ErrorPage /> }]));
    return (
        <LookProvider>
            {/* Going somewhere takes hold at once. As a transition it would wait for what is more urgent; and whoever is not signed in is sent to the
                log-in by a page that does urgent things as long as it stands: some thousand times, for seconds, until the one overtakes the other. */}
            <RouterProvider router={router} useTransitions={false} />
        </LookProvider>
    );
}

/** A page, for whom it is: nobody else's browser even asks the server for what is on it. */
function Granted({ guard, page: Element }: { guard: Guarded; page: ComponentType }) {
    const mine = useMyPermissions();
    if (!mine) return <Loading />;
    return isOpen(guard, mine) ? <Element /> : <NoAccess />;
}

/** The pages of each resource. A form for something new is for who may make it; one for something that is there can be read by who may read it. */
const resources = pages.flatMap((page) => {
    if (!('resource' in page)) return [];
    const views = Object.entries(page.views).map(([name, Element]) => {
        const guard: Guarded = name === 'create' ? { ...page, permission: rightTo('create', page.resource) } : page;
        return [name, () => <Granted guard={guard} page={Element} />] as const;
    });
    return [{ name: page.resource, ...(Object.fromEntries(views) as Partial<Record<string, ComponentType>>) }];
});

/** The console within a router. */
export function Console({ services, i18n, queries }: AppProps) {
    const [store] = useState(() => localStorageStore('1', 'cordboard'));
    return (
        <ServicesProvider services={services}>
            <CoreAdminContext dataProvider={services.dataProvider} authProvider={services.authProvider} i18nProvider={i18n} queryClient={queries} store={store}>
                <OwnTexts>
                    <CoreAdminUI
                        disableTelemetry
                        requireAuth
                        title="Cordboard"
                        layout={Shell}
                        loginPage={LoginPage}
                        dashboard={HomePage}
                        catchAll={NotFound}
                        accessDenied={NoAccess}
                        loading={Loading}
                        error={ErrorPage}
                    >
                        {resources.map((resource) => (
                            <Resource key={resource.name} {...resource} />
                        ))}
                        <CustomRoutes>
                            {pages.flatMap((page) => ('element' in page ? [<Route key={page.path} path={page.path} element={<Granted guard={page} page={page.element} />} />] : []))}
                        </CustomRoutes>
                        <CustomRoutes noLayout>
                            <Route path="/link" element={<LinkPage />} />
                            <Route path="/forgot" element={<ForgotPage />} />
                        </CustomRoutes>
                    </CoreAdminUI>
                </OwnTexts>
            </CoreAdminContext>
        </ServicesProvider>
    );
}
