//! The card suite on the pci driver over the card's side in software.

mod rig;

mod e1_of_generation_5 {
    card::card_conformance!(super::rig::OnModel<0>);
}

mod t1_of_generation_5 {
    card::card_conformance!(super::rig::OnModel<1>);
}

mod e1_of_generation_2 {
    card::card_conformance!(super::rig::OnModel<2>);
}
