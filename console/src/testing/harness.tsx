import { render, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { CoreAdminContext, type I18nProvider } from 'ra-core';
import type { ReactNode } from 'react';
import { vi } from 'vitest';
import { createMemoryRouter, RouterProvider } from 'react-router';
import { Console } from '@/app/App';
import { LookProvider } from '@/app/look';
import { createQueries } from '@/app/queries';
import { createI18n, type Locale } from '@/i18n';
import { createFakeServices, FAKE_PASSWORD } from '@/providers/fake';
import type { FakeOptions } from '@/providers/fake/server';
import { ServicesProvider, type Services } from '@/providers/services';

export interface HarnessOptions extends FakeOptions {
    path?: string;
    /** Who is signed in; null: nobody. */
    user?: string | null;
    /** What the browser speaks. */
    locale?: Locale;
    /** What the person has set up, by key. */
    settings?: Record<string, unknown>;
}

/** The whole console at a place, against the fake twin. */
export async function renderConsole({ path = '/', user = 'admin', locale = 'en', settings, ...options }: HarnessOptions = {}) {
    vi.spyOn(navigator, 'languages', 'get').mockReturnValue([locale]);
    const queries = createQueries();
    const services = createFakeServices(queries, options);
    if (user) await services.session.signIn(user, FAKE_PASSWORD);
    for (const [key, value] of Object.entries(settings ?? {})) await services.client.put(`/me/settings/${key}`, value);
    const i18n = await createI18n(locale);
    const router = createMemoryRouter([{ path: '*', element: <Console services={services} i18n={i18n} queries={queries} /> }], { initialEntries: [path] });
    const view = render(
        <LookProvider>
            <RouterProvider router={router} />
        </LookProvider>,
    );
    return { ...view, services, server: services.server, queries, router, user: userEvent.setup(), path: () => router.state.location.pathname };
}

/** A part of the console by itself, such as a story. */
export async function renderPart(part: ReactNode, { user = 'admin', locale = 'en', ...options }: HarnessOptions = {}) {
    const queries = createQueries();
    const services = createFakeServices(queries, options);
    if (user) await services.session.signIn(user, FAKE_PASSWORD);
    const i18n = await createI18n(locale);
    const view = render(<Around services={services} i18n={i18n} queries={queries} part={part} />);
    return { ...view, services, server: services.server, user: userEvent.setup() };
}

function Around({ services, i18n, queries, part }: { services: Services; i18n: I18nProvider; queries: ReturnType<typeof createQueries>; part: ReactNode }) {
    const router = createMemoryRouter([
        {
            path: '*',
            element: (
                <ServicesProvider services={services}>
                    <CoreAdminContext dataProvider={services.dataProvider} authProvider={services.authProvider} i18nProvider={i18n} queryClient={queries}>
                        {part}
                    </CoreAdminContext>
                </ServicesProvider>
            ),
        },
    ]);
    return (
        <LookProvider>
            <RouterProvider router={router} />
        </LookProvider>
    );
}

/** The rows of the table that is shown, as texts. */
export async function rows(label: string | RegExp): Promise<string[]> {
    const table = await screen.findByRole('table', { name: label });
    await waitFor(() => {
        if (table.querySelectorAll('tr[data-row]').length === 0) throw new Error('no rows yet');
    });
    return [...table.querySelectorAll('tr[data-row]')].map((row) => row.textContent);
}

/** The tile of a slot on the live board. Names of a whole board are many, and slow to work out: only its own is. */
export function tile(number: string): Promise<HTMLElement> {
    return waitFor(() => {
        const found = [...document.querySelectorAll<HTMLElement>('button')].find((button) => button.firstElementChild?.firstElementChild?.textContent === number);
        if (!found) throw new Error(`no tile of ${number} yet`);
        return found;
    });
}
