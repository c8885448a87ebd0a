import { lazy } from 'react';

// Pages that belong to no resource. Each is fetched when somebody goes there.
export const LoginPage = lazy(() => import('@/pages/login').then(({ LoginPage }) => ({ default: LoginPage })));
export const LinkPage = lazy(() => import('@/pages/login').then(({ LinkPage }) => ({ default: LinkPage })));
export const ForgotPage = lazy(() => import('@/pages/login').then(({ ForgotPage }) => ({ default: ForgotPage })));
export { HomePage } from './HomePage';
export { NoAccess, NotFound } from './ErrorPage';
