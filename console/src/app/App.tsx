import type { QueryClient } from '@tanstack/react-query';
import { CoreAdminContext, CoreAdminUI, CustomRoutes, localStorageStore, Resource, type I18nProvider } from 'ra-core';
import { useState } from 'react';
import { createBrowserRouter, Route, RouterProvider } from 'react-router';
import { ServicesProvider, type Services } from '@/providers/services';
import { ErrorPage } from './ErrorPage';
import { LookProvider } from './look';
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
            <RouterProvider router={router} />
        </LookProvider>
    );
}

/** The console within a router. */
export function Console({ services, i18n, queries }: AppProps) {
    const [store] = useState(() => localStorageStore('1', 'cordboard'));
    return (
        <ServicesProvider services={services}>
            <CoreAdminContext dataProvider={services.dataProvider} authProvider={services.authProvider} i18nProvider={i18n} queryClient={queries} store={store}>
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
                    {pages.flatMap((page) => ('resource' in page ? [<Resource key={page.path} name={page.resource} {...page.views} />] : []))}
                    <CustomRoutes>
                        {pages.flatMap((page) => ('element' in page ? [<Route key={page.path} path={page.path} element={<page.element />} />] : []))}
                    </CustomRoutes>
                    <CustomRoutes noLayout>
                        <Route path="/link" element={<LinkPage />} />
                        <Route path="/forgot" element={<ForgotPage />} />
                    </CustomRoutes>
                </CoreAdminUI>
            </CoreAdminContext>
        </ServicesProvider>
    );
}
