import { useT } from '@/i18n';
import { IfSeen } from '../form/rights';
import { Section } from '../page';
import { ColumnsInput } from './ColumnsInput';
import { ListsInput } from './ListsInput';

/** What narrows rights: lists of ids, and columns that are masked or hidden. */
export function AccessSections({ about }: { about: string }) {
    const t = useT();
    return (
        <>
            <IfSeen column="lists">
                <Section title={t('access.lists')} about={`${about} ${t('access.lists_about')}`}>
                    <ListsInput source="lists" />
                </Section>
            </IfSeen>
            <IfSeen column="columns">
                <Section title={t('access.columns')} about={t('access.columns_about')}>
                    <ColumnsInput source="columns" />
                </Section>
            </IfSeen>
        </>
    );
}
