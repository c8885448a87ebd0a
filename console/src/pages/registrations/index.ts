export { RegistrationsPage } from './RegistrationsPage';
