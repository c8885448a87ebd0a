export { ForgotPage } from './ForgotPage';
export { LinkPage } from './LinkPage';
export { LoginPage } from './LoginPage';
