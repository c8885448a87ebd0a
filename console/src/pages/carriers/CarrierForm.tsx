import { useLocaleState } from 'ra-core';
import { useT } from '@/i18n';
import { CreatePage, EditPage, Fields } from '@/ui/form/FormPage';
import { between, NumberInput, SwitchInput, TextInput } from '@/ui/form/inputs';
import { Section } from '@/ui/page';
import { Warnings } from '../routes/Warnings';
import { HostsInput } from './HostsInput';
import { NowSection } from './Now';
import { AccountsSection, CallersSection, NumbersSection } from './NumbersSections';
import { FailoverFold, FormFold, IdentityFold, RatesFold, SharingInput, SoundFold, WatchFold } from './folds';
import { carrierPlace, carrierToWire, newCarrier, type CarrierForm } from './wire';

/** A new carrier: a name, a host, an account and a number are enough. */
export function CarrierCreate() {
    const t = useT();
    const [locale] = useLocaleState();
    return (
        <CreatePage<CarrierForm>
            resource="carriers"
            title={t('carriers.create')}
            about={t('carriers.create_about')}
            defaults={newCarrier(locale === 'ru' ? 'RU' : undefined)}
            transform={carrierToWire}
            place={carrierPlace}
            width={1000}
        >
            <CarrierFields isNew />
        </CreatePage>
    );
}

export function CarrierEdit() {
    const t = useT();
    return (
        <EditPage<CarrierForm> resource="carriers" title={(carrier) => carrier.name} transform={carrierToWire} place={carrierPlace} deleteText={() => t('carriers.delete_text')} width={1000}>
            <CarrierFields />
        </EditPage>
    );
}

function CarrierFields({ isNew = false }: { isNew?: boolean }) {
    return (
        <>
            <Warnings />
            <NowSection />
            <Section>
                <Fields>
                    <TextInput source="name" label="columns.name" hint="carriers.name_hint" required maxLength={100} autoFocus={isNew} />
                    <SwitchInput source="on" label="carriers.on" hint="carriers.on_hint" />
                </Fields>
                <HostsInput source="hosts" />
                <Fields>
                    <NumberInput source="capacity" label="carriers.capacity" hint="carriers.capacity_hint" required min={1} max={20_000} validate={between(1, 20_000)} />
                    <NumberInput source="calls_per_s" label="columns.calls_per_s" hint="carriers.calls_per_s_hint" min={0} max={1000} validate={between(0, 1000)} />
                </Fields>
                <SharingInput />
            </Section>
            <AccountsSection />
            <NumbersSection />
            <CallersSection isNew={isNew} />
            <FormFold />
            <FailoverFold />
            <RatesFold />
            <IdentityFold />
            <WatchFold />
            <SoundFold />
        </>
    );
}

