export { AuditList as List, SecurityAuditList as SecurityList } from './AuditList';
