//! Units of the tables' columns.

use super::BtSettlError;

/// What turns a wavelength of the unit into Angstrom.
pub(super) fn wave_factor(unit: &str) -> Result<f64, BtSettlError> {
    match plain(unit).as_str() {
        "angstrom" | "angstroms" | "a" | "aa" | "0.1nm" => Ok(1.0),
        "nm" => Ok(10.0),
        "um" | "micron" | "microns" | "µm" | "μm" => Ok(1e4),
        "m" => Ok(1e10),
        _ => Err(BtSettlError::Unit { unit: unit.to_owned(), quantity: "wavelength" }),
    }
}

/// What turns F_lambda of the unit into erg/s/cm2/Angstrom.
pub(super) fn flux_factor(unit: &str) -> Result<f64, BtSettlError> {
    match plain(unit).as_str() {
        "erg/cm2/s/a" | "erg/s/cm2/a" | "erg/s/cm2/aa" | "erg/cm2/s/angstrom"
        | "erg/s/cm2/angstrom" | "erg/scm2a" | "erg/scm2angstrom" | "erg/angstromscm2"
        | "erg/angstromcm2s" | "erg/cm2sangstrom" | "erg/cm2sa" => Ok(1.0),
        // 1e7 erg over 1e4 cm2 and 1e4 Angstrom.
        "w/m2um" | "w/m2/um" | "w/m2/micron" | "w/umm2" | "wm-2um-1" => Ok(0.1),
        "erg/s/cm2/cm" | "erg/cm2/s/cm" | "erg/scm3" => Ok(1e-8),
        _ => Err(BtSettlError::Unit { unit: unit.to_owned(), quantity: "flux" }),
    }
}

/// Lower case, without the signs that writers of units do not agree on.
fn plain(unit: &str) -> String {
    let unit = unit.to_lowercase().replace("**", "").replace('^', "");
    unit.chars().filter(|c| !matches!(c, ' ' | '(' | ')' | '*')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writers_disagree_on_signs_only() {
        for unit in ["ANGSTROM", "Angstrom", "AA", "0.1nm"] {
            assert_eq!(wave_factor(unit).unwrap(), 1.0);
        }
        assert_eq!(wave_factor("um").unwrap(), 1e4);
        for unit in ["W / (m2 um)", "W/m2/um", "W/m**2/um", "W / m^2 / micron"] {
            assert_eq!(flux_factor(unit).unwrap(), 0.1, "{unit}");
        }
        for unit in ["ERG/CM2/S/A", "erg / (s cm2 Angstrom)", "erg/s/cm^2/A"] {
            assert_eq!(flux_factor(unit).unwrap(), 1.0, "{unit}");
        }
        assert_eq!(
            flux_factor("Jy").unwrap_err().to_string(),
            "unit `Jy` of the flux is not known"
        );
    }
}
