//! Timer.

use uapi::compat::timer as compat;
use uapi::timer;

use crate::compiler::{Checks, Client, constants, layout};
use crate::numbers;

const NEWER: &[&str] = &["CREATE", "TRIGGER"];

#[test]
fn timer_structures_are_the_header_s() {
    let mut c = Checks::new(Client::Native);
    layout! {
        c, "struct snd_timer_id", timer::TimerId { dev_class, dev_sclass, card, device, subdevice }
    }
    layout! {
        c, "struct snd_timer_ginfo", timer::GInfo { tid, flags, card, id, name, reserved0,
        resolution, resolution_min, resolution_max, clients, reserved } holes { pad, pad2 }
    }
    layout! {
        c, "struct snd_timer_gparams", timer::GParams { tid, period_num, period_den, reserved }
        holes { pad }
    }
    layout! {
        c, "struct snd_timer_gstatus", timer::GStatus { tid, resolution, resolution_num,
        resolution_den, reserved } holes { pad }
    }
    layout! { c, "struct snd_timer_select", timer::Select { id, reserved } }
    layout! {
        c, "struct snd_timer_info", timer::Info { flags, card, id, name, reserved0, resolution,
        reserved }
    }
    layout! {
        c, "struct snd_timer_params", timer::Params { flags, ticks, queue_size, reserved0, filter,
        reserved }
    }
    layout! {
        c, "struct snd_timer_status", timer::Status { tstamp, resolution, lost, overrun, queue,
        reserved }
    }
    layout! { c, "struct snd_timer_read", timer::Read { resolution, ticks } }
    layout! { c, "struct snd_timer_tread", timer::Tread { event, pad1, tstamp, val, pad2 } }
    c.line("#ifdef SNDRV_TIMER_IOCTL_CREATE");
    layout! { c, "struct snd_timer_uinfo", timer::UInfo { resolution, fd, id, reserved } }
    c.line("#endif");
    c.assert();
}

#[test]
fn timer_numbers_are_the_header_s() {
    let mut c = Checks::new(Client::Native);
    numbers(&mut c, "SNDRV_TIMER_IOCTL_", timer::TABLE, NEWER);
    constants! { c, "SNDRV_TIMER_CLASS_", timer::class, [NONE, SLAVE, GLOBAL, CARD, PCM] }
    constants! {
        c, "SNDRV_TIMER_SCLASS_", timer::sclass, [NONE, APPLICATION, SEQUENCER, OSS_SEQUENCER]
    }
    constants! { c, "SNDRV_TIMER_GLOBAL_", timer::global, [SYSTEM, RTC, HPET, HRTIMER] }
    constants! {
        c, "SNDRV_TIMER_EVENT_", timer::event, [RESOLUTION, TICK, START, STOP, CONTINUE, PAUSE,
        EARLY, SUSPEND, RESUME, MSTART, MSTOP, MCONTINUE, MPAUSE, MSUSPEND, MRESUME]
    }
    constants! {
        c, "SNDRV_TIMER_", timer, [FLG_SLAVE, PSFLG_AUTO, PSFLG_EXCLUSIVE, PSFLG_EARLY_EVENT]
    }
    c.assert();
}

/// What both kinds of 32-bit client share.
#[cfg(target_arch = "x86_64")]
fn common_32(c: &mut Checks) {
    layout! {
        *c, "struct snd_timer_ginfo", compat::GInfo { tid, flags, card, id, name, reserved0,
        resolution, resolution_min, resolution_max, clients, reserved }
    }
    layout! {
        *c, "struct snd_timer_gparams", compat::GParams { tid, period_num, period_den, reserved }
    }
    layout! {
        *c, "struct snd_timer_gstatus", compat::GStatus { tid, resolution, resolution_num,
        resolution_den, reserved }
    }
    layout! {
        *c, "struct snd_timer_info", compat::Info { flags, card, id, name, reserved0, resolution,
        reserved }
    }
    c.holds(&format!(
        "sizeof(struct snd_timer_select) == {}",
        size_of::<timer::Select>()
    ));
    c.holds(&format!(
        "sizeof(struct snd_timer_params) == {}",
        size_of::<timer::Params>()
    ));
    for (name, cmd) in [
        ("GINFO", compat::GINFO),
        ("GPARAMS", compat::GPARAMS),
        ("GSTATUS", compat::GSTATUS),
        ("INFO", compat::INFO),
    ] {
        c.holds(&format!(
            "(unsigned)(SNDRV_TIMER_IOCTL_{name}) == {cmd:#x}u"
        ));
    }
}

#[test]
#[cfg(target_arch = "x86_64")]
fn timer_of_a_client_with_32_bit_time_is_the_header_s() {
    let mut c = Checks::new(Client::T32);
    common_32(&mut c);
    layout! {
        c, "struct snd_timer_status", compat::StatusT32 { tstamp, resolution, lost, overrun, queue,
        reserved }
    }
    layout! { c, "struct snd_timer_tread", compat::TreadT32 { event, tstamp, val } }
    c.holds(&format!(
        "(unsigned)(SNDRV_TIMER_IOCTL_STATUS) == {:#x}u",
        compat::STATUS_T32
    ));
    c.assert();
}

#[test]
#[cfg(target_arch = "x86_64")]
fn timer_of_a_client_with_64_bit_time_is_the_header_s() {
    let mut c = Checks::new(Client::T64);
    common_32(&mut c);
    layout! {
        c, "struct snd_timer_status", timer::Status { tstamp, resolution, lost, overrun, queue,
        reserved }
    }
    layout! { c, "struct snd_timer_tread", timer::Tread { event, pad1, tstamp, val, pad2 } }
    c.holds(&format!(
        "(unsigned)(SNDRV_TIMER_IOCTL_STATUS) == {:#x}u",
        timer::STATUS
    ));
    c.assert();
}
